//! Programs that call the functions of the script API with whatever there is.
//!
//! Each byte of an input is a choice, so every input is a program, and most of them compile. What can be called is
//! read from the catalogue: a function that is added there is called from then on.

mod program;
mod values;

use std::cell::OnceCell;

use picloud_executor_core::{ScriptFunction, functions};
use picloud_shared::script::ContentHash;

use crate::script::judge;

/// Writes a program and looks at what it does.
pub fn calls(data: &[u8]) {
    judge(&calls_source(data));
}

/// The program that an input stands for.
pub fn calls_source(data: &[u8]) -> String {
    thread_local! {
        static CATALOGUE: OnceCell<Catalogue> = const { OnceCell::new() };
    }
    CATALOGUE.with(|catalogue| {
        let catalogue = catalogue.get_or_init(Catalogue::read);
        program::write(catalogue, &mut Choices(data))
    })
}

/// All functions, each at a place that depends on itself alone: when one is added, the inputs that were kept go on
/// calling what they called.
struct Catalogue(Vec<(u16, ScriptFunction)>);

impl Catalogue {
    fn read() -> Self {
        let place = |function: &ScriptFunction| {
            let hash = ContentHash::of(&function.signature());
            u16::from_be_bytes([hash.0[0], hash.0[1]])
        };
        let mut all: Vec<_> = functions()
            .into_iter()
            .map(|function| (place(&function), function))
            .collect();
        all.sort_by_key(|(place, _)| *place);
        Self(all)
    }

    /// The first function at or after a place.
    fn at(&self, place: u16) -> &ScriptFunction {
        let index = self.0.partition_point(|(other, _)| *other < place);
        &self.0[index % self.0.len()].1
    }
}

/// What is left of an input. After its end every choice is the first.
struct Choices<'d>(&'d [u8]);

impl Choices<'_> {
    fn are_over(&self) -> bool {
        self.0.is_empty()
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    fn pick<'t, T: ?Sized>(&mut self, from: &[&'t T]) -> &'t T {
        from[self.below(from.len())]
    }

    fn function<'c>(&mut self, catalogue: &'c Catalogue) -> &'c ScriptFunction {
        catalogue.at(u16::from_be_bytes([self.byte(), self.byte()]))
    }
}
