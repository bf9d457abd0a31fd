//! Who has which role in which app.

use async_trait::async_trait;
use picloud_shared::{
    access::AppRole,
    id::{AppId, UserId},
    repository::{MemberRepository, StoreError},
};

use crate::{Store, convert::parse, statements::statements, value::args};

statements! {
    FIND_ROLE = "SELECT role FROM app_members WHERE app_id = $1 AND user_id = $2";
}

#[async_trait]
impl MemberRepository for Store {
    async fn find_role(&self, app: AppId, user: UserId) -> Result<Option<AppRole>, StoreError> {
        let row: Option<(String,)> = self.db.fetch_optional(FIND_ROLE, args![app, user]).await?;
        row.map(|(role,)| parse("app role", &role)).transpose()
    }
}
