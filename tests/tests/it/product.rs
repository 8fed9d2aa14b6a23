//! sava-product as a process: its data and what becomes of it when they change, and how it starts.

mod data;
mod reload;
