//! What comes from another thread, or goes there, does not count as memory of the run: it would be counted on one side
//! and not on the other. The run counts its own copies.

use std::{
    future::Future,
    ops::Deref,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use picloud_shared::services::{Answer, KvEntry};

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

/// What the host has of a key, given back without counting: it may be the last to hold it.
pub(super) struct ForeignEntry(Option<Arc<KvEntry>>);

impl ForeignEntry {
    pub(super) fn new(entry: Option<Arc<KvEntry>>) -> Self {
        Self(entry)
    }

    pub(super) fn get(&self) -> Option<&KvEntry> {
        self.0.as_deref()
    }
}

impl Drop for ForeignEntry {
    fn drop(&mut self) {
        uncounted(|| self.0 = None);
    }
}
