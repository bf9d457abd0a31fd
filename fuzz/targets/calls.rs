//! Hands what libFuzzer makes up to `picloud_fuzz::calls`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| picloud_fuzz::calls(data));
