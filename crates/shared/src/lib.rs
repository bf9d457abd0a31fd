//! The nouns of PiCloud and the seams between its services.
//!
//! Everything here is plain data, pure rules on that data, and traits. This crate refuses I/O: it opens no
//! socket and no file, asks no clock and rolls no dice. Time and ids are handed in by the programs.
//!
//! Reading order: [`id`], [`time`], [`text`] and [`page`], then the nouns ([`app`], [`host`], [`domain`],
//! [`admin_host`], [`script`], [`modules`], [`path`](mod@path), [`route`], [`webhook`], [`release`], [`secret`],
//! [`config`], [`user`], [`second_factor`], [`token`], [`access`], [`account`], [`invitation`], [`member`], [`change`],
//! [`audit`], [`quota`], [`schedule`], [`bindings`], [`egress`], [`mail`], [`mqtt`]), then what happens at run time
//! ([`limits`], [`memory`], [`invocation`], [`outcome`], [`durations`], [`execution`], [`run_stats`], [`calls`],
//! [`events`], [`in_flight`], [`strikes`], [`problem`]), and last the seams ([`repository`], [`services`], [`seam`]).

pub mod access;
pub mod account;
pub mod admin_host;
pub mod app;
pub mod audit;
pub mod bindings;
pub mod calls;
pub mod change;
pub mod config;
pub mod domain;
pub mod durations;
pub mod egress;
pub mod events;
pub mod execution;
pub mod host;
pub mod id;
pub mod in_flight;
pub mod invitation;
pub mod invocation;
pub mod limits;
pub mod mail;
pub mod member;
pub mod memory;
pub mod modules;
pub mod mqtt;
pub mod outcome;
pub mod page;
pub mod path;
pub mod problem;
pub mod quota;
pub mod release;
pub mod repository;
pub mod route;
pub mod run_stats;
pub mod schedule;
pub mod script;
pub mod seam;
pub mod second_factor;
pub mod secret;
pub mod services;
pub mod strikes;
pub mod text;
pub mod time;
pub mod token;
pub mod user;
pub mod webhook;
