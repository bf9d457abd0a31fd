//! Hands what libFuzzer makes up to `picloud_fuzz::patterns`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| picloud_fuzz::patterns(data));
