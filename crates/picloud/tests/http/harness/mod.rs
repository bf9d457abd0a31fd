//! The vocabulary of these tests: a PiCloud to drive, clients, apps, and what to say about an answer.

mod answer;
mod app;
mod client;
mod clock;
mod cloud;
mod database;
mod disk;
mod done;
mod events;
mod example;
mod openapi;
mod peer;
mod people;
mod postbox;
mod postgres;
mod process;
mod raw;
mod rounds;
mod totp;

pub(crate) use answer::{Answer, until};
pub(crate) use app::{App, Script};
pub(crate) use client::{Call, Client};
pub(crate) use clock::FakedClock;
pub(crate) use cloud::{OWNER, TestCloud, items};
pub(crate) use disk::SmallDisk;
pub(crate) use done::Done;
pub(crate) use events::Events;
pub(crate) use openapi::Schema;
pub(crate) use peer::Peer;
pub(crate) use people::PASSWORD;
pub(crate) use postbox::Postbox;
pub(crate) use postgres::Postgres;
pub(crate) use process::{Process, WAIT_MAX};
pub(crate) use raw::RawConnection;
pub(crate) use rounds::rounds;
pub(crate) use totp::{from_base32, totp};
