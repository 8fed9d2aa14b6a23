#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sava_cart::fuzz::client(data));
