//! The one place where scripts get chance from: the generator of the operating system, read in bulk.

use std::cell::RefCell;

use super::argument::{Fallible, fail};

/// How much is read at once.
const POOL_BYTES: usize = 256;

struct Pool {
    bytes: [u8; POOL_BYTES],
    used: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL_BYTES], used: POOL_BYTES }) };
}

/// Fills `target`. Nothing is ever given out twice.
pub(crate) fn fill(target: &mut [u8]) -> Fallible<()> {
    if target.len() > POOL_BYTES / 4 {
        return read(target);
    }
    POOL.with_borrow_mut(|pool| {
        if pool.used + target.len() > POOL_BYTES {
            read(&mut pool.bytes)?;
            pool.used = 0;
        }
        let taken = &mut pool.bytes[pool.used..pool.used + target.len()];
        target.copy_from_slice(taken);
        taken.fill(0);
        pool.used += target.len();
        Ok(())
    })
}

/// Any number.
pub(super) fn number() -> Fallible<u64> {
    let mut bytes = [0; 8];
    fill(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// A number below `end`, each as likely as the others. `end` 0 stands for 2⁶⁴.
pub(super) fn below(end: u64) -> Fallible<u64> {
    if end == 0 {
        return number();
    }
    // Of the products, those whose low half is too small come up once more often than the others.
    let surplus = end.wrapping_neg() % end;
    loop {
        let product = u128::from(number()?) * u128::from(end);
        let (high, low) = ((product >> 64) as u64, product & u128::from(u64::MAX));
        if low >= u128::from(surplus) {
            return Ok(high);
        }
    }
}

fn read(target: &mut [u8]) -> Fallible<()> {
    getrandom::fill(target)
        .map_err(|error| fail(format!("random: the operating system has no chance: {error}")))
}
