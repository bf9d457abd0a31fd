//! `/api/v1/admin/apps/{app}/members`: who has which role in an app.
//!
//! Owners and admins need no membership, so none is made for them. One that a person had before they became an admin
//! stays: it can be seen, changed and ended as any other.

pub(crate) mod add;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod search_users;
pub(crate) mod update;

use picloud_shared::{access::AppRole, member::Member, time::Timestamp, user::InstanceRole};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Somebody with a role in an app.
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub(crate) struct MemberBody {
    user_id: Uuid,
    username: String,
    #[schema(required)]
    email: Option<String>,
    /// `member`, or what they became since; `admin` and `owner` imply a role in every app.
    #[schema(value_type = String, example = "member")]
    instance_role: InstanceRole,
    /// `viewer`, `editor` or `app_admin`.
    #[schema(value_type = String, example = "editor")]
    role: AppRole,
    /// Whether they may sign in.
    is_active: bool,
    #[schema(value_type = String, format = DateTime)]
    joined_at: Timestamp,
}

impl From<Member> for MemberBody {
    fn from(member: Member) -> Self {
        Self {
            user_id: member.user.id.0,
            username: member.user.username.as_str().to_owned(),
            email: member.user.email,
            instance_role: member.user.instance_role,
            role: member.role,
            is_active: member.user.is_active,
            joined_at: member.joined_at,
        }
    }
}
