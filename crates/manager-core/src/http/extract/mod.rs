//! Extractors: what reaches an operation was read and checked here.

mod app;
mod body;
mod device;
mod entity_tags;
mod faults;
mod if_match;
mod in_path;
mod precondition;
mod query;
mod user;
mod words;

pub(crate) use app::{AppPath, find_by_text};
pub(crate) use body::{JsonBody, OptionalJsonBody, TextBody, read, read_any};
pub(crate) use device::FromDevice;
pub(crate) use if_match::IfMatch;
pub(crate) use in_path::{
    BrokerNameText, InPath, Named, ReleaseNumber, SettingNameText, VersionNumber, named_by, text_for,
};
pub(crate) use precondition::Precondition;
pub(crate) use query::QueryParams;
pub(crate) use user::UserPath;
