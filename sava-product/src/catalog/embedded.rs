//! The data in the binary: a copy of `data/`, which the build script puts here.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
