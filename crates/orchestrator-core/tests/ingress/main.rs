//! The server over real sockets, with a fake executor and a fake repository.

mod dispatch;
mod events;
mod handover;
mod limits;
mod malformed;
mod proxies;
mod schedules;
mod stop;
mod support;
mod webhooks;
