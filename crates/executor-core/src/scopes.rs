//! Scopes for the variables of scripts, kept for the next run.

use std::cell::RefCell;

use rhai::Scope;

/// Scopes that are kept. More are in use at a time only while scripts wait.
const SCOPES_MAX: usize = 16;

/// A scope that held more variables than this is not kept, since its memory would be.
const VARIABLES_MAX: usize = 32;

/// Free scopes of one thread. They are empty: what is kept is their memory.
#[derive(Default)]
pub(crate) struct ScopePool {
    free: RefCell<Vec<Scope<'static>>>,
}

impl ScopePool {
    /// An empty scope.
    pub(crate) fn take(&self) -> Scope<'static> {
        self.free.borrow_mut().pop().unwrap_or_default()
    }

    /// Drops all variables of `scope`, and keeps it if there is room.
    pub(crate) fn give(&self, mut scope: Scope<'static>) {
        let small = scope.len() <= VARIABLES_MAX;
        scope.clear();
        let mut free = self.free.borrow_mut();
        if small && free.len() < SCOPES_MAX {
            free.push(scope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_comes_back_empty() {
        let pool = ScopePool::default();
        let mut scope = pool.take();
        scope.push("secret", 1_i64);
        pool.give(scope);
        assert!(pool.take().is_empty());
    }

    #[test]
    fn a_large_scope_goes() {
        let pool = ScopePool::default();
        let mut scope = pool.take();
        for number in 0..=VARIABLES_MAX {
            scope.push(format!("v{number}"), 1_i64);
        }
        pool.give(scope);
        assert!(pool.free.borrow().is_empty());
    }
}
