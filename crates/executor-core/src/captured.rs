//! Variables that closures captured, and how they are freed when they hold each other.
//!
//! A closure and the function around it share what the closure captured, in a cell that counts its references.
//! A cell that holds, by whatever way, a closure which captured it is never freed by counting. So each run keeps
//! a weak reference to every cell that it makes, and empties at its end those that are still there.
//!
//! Rhai says nothing when it makes a cell, but it asks for a resolver of variables just before, and leaves a
//! variable alone that has a cell already. So the resolver makes the cell in its place. It is asked at every
//! other use of a variable too; scripts without captured variables run on engines that have none.

use std::{
    cell::RefCell,
    mem,
    rc::{Rc, Weak},
};

use rhai::{AST, ASTNode, Dynamic, Engine, Locked, Shared, Stmt};

use crate::{coroutine::with_current, run::Run};

/// Where the names of captured variables stand in a script's tree, in ascending order: Rhai hands over a name
/// in the very place that it has there, so that comparing addresses is enough to know one.
pub(crate) type CapturedNames = Rc<[usize]>;

/// Cells that are looked through at the earliest for those which are gone.
const CELLS_BEFORE_PURGE: usize = 64;

/// The cells of one run.
#[derive(Default)]
pub(crate) struct Captured {
    names: RefCell<Option<CapturedNames>>,
    cells: RefCell<Vec<Weak<RefCell<Dynamic>>>>,
}

/// The names of the variables that closures in `ast` capture.
pub(crate) fn names_in(ast: &AST) -> CapturedNames {
    let mut names = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Stmt(Stmt::Share(variables))) = path.last() {
            names.extend(variables.iter().map(|(variable, _)| address(&variable.name)));
        }
        true
    });
    names.sort_unstable();
    names.dedup();
    names.into()
}

/// All of these names.
pub(crate) fn joined<'a>(names: impl Iterator<Item = &'a CapturedNames>) -> CapturedNames {
    let mut names: Vec<_> = names.flat_map(|names| names.iter().copied()).collect();
    names.sort_unstable();
    names.dedup();
    names.into()
}

/// Makes `engine` give captured variables cells that their run knows.
#[expect(
    deprecated,
    reason = "Rhai marks this hook so to say that it may change; the version is pinned"
)]
pub(crate) fn watch(engine: &mut Engine) {
    engine.on_var(|name, _, mut context| {
        with_current(|run| {
            if let Some(run) = run
                && run.captured.has(name)
                && let Some(variable) = context.scope_mut().get_mut(name)
            {
                run.captured.share(variable);
            }
        });
        Ok(None)
    });
}

impl Captured {
    /// Begins to watch for the variables with these names, and empties their cells when the result is dropped.
    pub(crate) fn of_run<'a>(run: &'a Run, names: &CapturedNames) -> Option<EmptiedAtEnd<'a>> {
        if names.is_empty() {
            return None;
        }
        run.captured.names.replace(Some(Rc::clone(names)));
        Some(EmptiedAtEnd(&run.captured))
    }

    fn has(&self, name: &str) -> bool {
        let names = self.names.borrow();
        names
            .as_ref()
            .is_some_and(|names| names.binary_search(&address(name)).is_ok())
    }

    /// Does what Rhai would do next, and remembers the cell.
    fn share(&self, variable: &mut Dynamic) {
        if variable.is_shared() {
            return;
        }
        let cell = Shared::new(Locked::new(variable.take()));
        let mut cells = self.cells.borrow_mut();
        if cells.len() == cells.capacity() {
            cells.retain(|cell| cell.strong_count() > 0);
            let room = cells.len().max(CELLS_BEFORE_PURGE);
            cells.reserve_exact(room);
        }
        cells.push(Rc::downgrade(&cell));
        *variable = cell.into();
    }

    /// Empties every cell that is still there: what they held of each other is gone with it.
    fn empty(&self) {
        for cell in mem::take(&mut *self.cells.borrow_mut()) {
            let held = cell
                .upgrade()
                .and_then(|cell| cell.try_borrow_mut().ok().map(|mut value| value.take()));
            // Not while the cell is borrowed: what goes may lead back to it.
            drop(held);
        }
    }
}

/// Empties the cells of a run when it is dropped, by whatever way the run ends.
pub(crate) struct EmptiedAtEnd<'a>(&'a Captured);

impl Drop for EmptiedAtEnd<'_> {
    fn drop(&mut self) {
        self.0.empty();
    }
}

fn address(name: &str) -> usize {
    name.as_ptr().addr()
}
