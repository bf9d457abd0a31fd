//! Hands what libFuzzer makes up to `picloud_fuzz::json`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| picloud_fuzz::json(data));
