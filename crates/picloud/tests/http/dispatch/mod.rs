//! Every path that is not PiCloud's own: host, app, route, script.

mod admission;
mod errors;
mod hosts;
mod malformed_hosts;
mod methods;
mod paths;
mod protocol;
mod request;
mod response;
mod seed;
