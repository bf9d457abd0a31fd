//! Hands what libFuzzer makes up to `picloud_fuzz::script`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| picloud_fuzz::script(data));
