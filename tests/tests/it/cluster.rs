//! The stand-in control plane: first that it is what it says, then what runs in it.

mod proxy;
