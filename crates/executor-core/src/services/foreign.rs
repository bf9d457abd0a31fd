//! What comes from another thread, or goes there, does not count as memory of the run: it would be counted on one side
//! and not on the other. The run counts its own copies.

use std::{
    future::Future,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll},
};

use picloud_shared::services::Answer;

use crate::allocator::uncounted;

/// A future of the host, made, polled and freed without counting.
pub(super) struct Foreign<F>(Option<F>);

impl<F> Foreign<F> {
    pub(super) fn new(make: impl FnOnce() -> F) -> Self {
        Self(Some(uncounted(make)))
    }
}

impl<F: Future + Unpin> Future for Foreign<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let future = self.0.as_mut().expect("it is taken only when it is dropped");
        uncounted(|| Pin::new(future).poll(context))
    }
}

impl<F> Drop for Foreign<F> {
    fn drop(&mut self) {
        uncounted(|| self.0 = None);
    }
}

/// An answer of the host, freed without counting.
pub(super) struct ForeignAnswer(Option<Answer>);

impl ForeignAnswer {
    pub(super) fn new(answer: Answer) -> Self {
        Self(Some(answer))
    }
}

impl Deref for ForeignAnswer {
    type Target = Answer;

    fn deref(&self) -> &Answer {
        self.0.as_ref().expect("it is taken only when it is dropped")
    }
}

impl Drop for ForeignAnswer {
    fn drop(&mut self) {
        uncounted(|| self.0 = None);
    }
}
