//! Event ingress and dispatch: from a request to the script that answers it, and to its record.
//!
//! It meets the other services in `picloud_shared::seam` alone: the executor runs scripts, storage gives live
//! releases and takes records, and the control plane is a function that gets the requests to PiCloud's own paths.
//! It refuses to read the database to answer a request.
//!
//! Reading order: [`server`] (threads, start and stop) and `ingress` (connections and their bounds), then
//! `dispatch` (one request, step by step), `routing` and [`live`] (which script answers), `webhook` (whether somebody
//! signed it), `admission` (whether it may run now), [`recorder`] (what is kept of a run), `keeping` (when that is deleted),
//! [`events`] (what runs without a request), [`schedules`] (what runs when it is time).

mod admission;
mod dispatch;
pub mod events;
mod ids;
mod ingress;
mod keeping;
pub mod live;
mod proxy;
pub mod recorder;
mod routing;
pub mod schedules;
pub mod server;
mod webhook;

pub use admission::{AppBounds, ServingThreads};
pub use dispatch::{BoxError, ControlBody, ControlPlane};
pub use events::{EventPump, EventServices, Events, PumpParts};
pub use live::LiveReleases;
pub use recorder::{Recorder, RecorderConfig};
pub use schedules::{Scheduler, SchedulerParts};
pub use server::{RunningServer, Server, ServerConfig};
