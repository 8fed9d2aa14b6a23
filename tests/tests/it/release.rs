//! Releases side by side: which go together, which are worse, and the scenes that show it.

mod gateway;
mod marks;
mod matrix;
mod sample;
mod scenes;
mod shoppers;
mod watch;
