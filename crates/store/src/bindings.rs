//! Subscriptions and schedules of apps. Both are kept alike: what a kind is about is in its spec.

use std::collections::HashMap;

use async_trait::async_trait;
use picloud_shared::{
    bindings::{BINDINGS_BYTES_MAX, BINDINGS_MAX, Binding, BindingSpec, DESTINATIONS, ScheduleSpec},
    change::Change,
    events::Destination,
    id::{AppId, ScheduleId, ScriptId},
    page::{Page, PageRequest},
    release::ManifestBinding,
    repository::{BindingRepository, BindingUpdate, StoreError, WriteBindingError},
    time::Timestamp,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    Store,
    audit::Entry,
    change::ReleaseChange,
    convert::{from_json, to_json},
    db::Transaction,
    schedules::begin_anew,
    statements::statements,
    value::args,
};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, app_id, kind, name, script_id, is_paused, spec, created_at, updated_at FROM bindings ",
            $rest
        )
    };
}

statements! {
    FIND_BINDING = select!("WHERE app_id = $1 AND kind = $2 AND id = $3");
    LIST_BINDINGS = select!("WHERE app_id = $1 AND kind = $2 AND id > $3 ORDER BY id LIMIT $4");
    BINDINGS_OF_APP = select!("WHERE app_id = $1 AND kind = $2 ORDER BY id");
    NAME_TAKEN = "SELECT id FROM bindings WHERE app_id = $1 AND kind = $2 AND name = $3 AND id <> $4";
    HAS_SCRIPT = "SELECT id FROM scripts WHERE app_id = $1 AND id = $2";
    PUT_BINDING = "INSERT INTO bindings \
        (id, app_id, kind, name, script_id, is_paused, spec, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) \
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, script_id = excluded.script_id, \
        is_paused = excluded.is_paused, spec = excluded.spec, updated_at = excluded.updated_at";
    // No name of a binding begins with a hyphen, so this one is never taken.
    FREE_BINDING_NAME = "UPDATE bindings SET name = '-' || $2 WHERE id = $1";
    DELETE_BINDING = "DELETE FROM bindings WHERE id = $1";
    SIZE_OF_BINDINGS = "SELECT count(*) AS entries, CAST(coalesce(sum(octet_length(spec)), 0) AS BIGINT) AS bytes \
        FROM bindings WHERE app_id = $1 AND kind = $2";
    // Those in whose spec it stands anywhere are too many, and few.
    BINDINGS_OF_SCRIPT = "SELECT kind, name, script_id, spec FROM bindings \
        WHERE app_id = $1 AND (script_id = $2 OR spec LIKE $3) ORDER BY kind, name";
}

/// A row, whatever its kind.
#[derive(sqlx::FromRow)]
pub(crate) struct BindingRow {
    pub(crate) id: Uuid,
    pub(crate) app_id: Uuid,
    pub(crate) kind: String,
    name: String,
    script_id: Uuid,
    is_paused: bool,
    spec: String,
    created_at: i64,
    updated_at: i64,
}

#[async_trait]
impl<S: BindingSpec> BindingRepository<S> for Store {
    async fn list_bindings(&self, app: AppId, page: PageRequest) -> Result<Page<Binding<S>>, StoreError> {
        let after = page.after.unwrap_or_default();
        let args = args![app, S::KIND, after, u64::from(page.limit) + 1];
        let rows: Vec<BindingRow> = self.db.fetch_all(LIST_BINDINGS, args).await?;
        let bindings = rows.iter().map(BindingRow::read).collect::<Result<_, _>>()?;
        Ok(Page::from_overfull(
            bindings,
            page.limit,
            |binding: &Binding<S>| binding.id,
        ))
    }

    async fn find_binding(&self, app: AppId, id: Uuid) -> Result<Option<Binding<S>>, StoreError> {
        let args = args![app, S::KIND, id];
        let row: Option<BindingRow> = self.db.fetch_optional(FIND_BINDING, args).await?;
        row.as_ref().map(BindingRow::read).transpose()
    }

    async fn create_binding(
        &self,
        binding: Binding<S>,
        change: &Change,
    ) -> Result<Binding<S>, WriteBindingError> {
        let Some(mut release) = ReleaseChange::begin(&self.db, binding.app_id, change).await? else {
            return Err(WriteBindingError::NoApp);
        };
        write(&mut release.transaction, &binding, None).await?;
        let entry = about("create", &binding).after(state(&binding)?);
        let summary = format!("{} {} created", S::KIND, binding.name);
        release.commit(&summary, entry).await?;
        Ok(binding)
    }

    async fn update_binding(
        &self,
        app: AppId,
        id: Uuid,
        update: BindingUpdate,
        change: &Change,
    ) -> Result<Option<Binding<S>>, WriteBindingError> {
        let Some((mut release, before)) = self.begin_binding_change::<S>(app, id, change).await? else {
            return Ok(None);
        };
        let mut after = before.clone();
        after.name = update.name.unwrap_or(after.name);
        after.script_id = update.script_id.unwrap_or(after.script_id);
        after.is_paused = update.is_paused.unwrap_or(after.is_paused);
        after.spec = merged(&before.spec, update.spec)?;
        if after == before {
            return Ok(Some(before));
        }
        after.updated_at = change.at;
        write(&mut release.transaction, &after, Some(&before.spec)).await?;
        let summary = match (before.is_paused, after.is_paused) {
            _ if after.name != before.name => {
                format!("{} {} renamed to {}", S::KIND, before.name, after.name)
            }
            (false, true) => format!("{} {} paused", S::KIND, after.name),
            (true, false) => format!("{} {} resumed", S::KIND, after.name),
            _ => format!("{} {} changed", S::KIND, after.name),
        };
        let entry = about("update", &after)
            .before(state(&before)?)
            .after(state(&after)?);
        release.commit(&summary, entry).await?;
        Ok(Some(after))
    }

    async fn delete_binding(&self, app: AppId, id: Uuid, change: &Change) -> Result<bool, StoreError> {
        let Some((mut release, before)) = self.begin_binding_change::<S>(app, id, change).await? else {
            return Ok(false);
        };
        delete_binding(&mut release.transaction, id).await?;
        let entry = about("delete", &before).before(state(&before)?);
        let summary = format!("{} {} deleted", S::KIND, before.name);
        release.commit(&summary, entry).await?;
        Ok(true)
    }
}

impl Store {
    /// Begins a change of an app and reads a binding as it is now; `None` if it is gone.
    async fn begin_binding_change<'a, S: BindingSpec>(
        &'a self,
        app: AppId,
        id: Uuid,
        change: &'a Change,
    ) -> Result<Option<(ReleaseChange<'a>, Binding<S>)>, StoreError> {
        let Some(mut release) = ReleaseChange::begin(&self.db, app, change).await? else {
            return Ok(None);
        };
        let args = args![app, S::KIND, id];
        let row: Option<BindingRow> = release.transaction.fetch_optional(FIND_BINDING, args).await?;
        let binding = row.as_ref().map(BindingRow::read).transpose()?;
        Ok(binding.map(|binding| (release, binding)))
    }
}

/// Checks a binding and writes it. What it refers to stays there until the transaction ends, because the app is locked.
async fn write<S: BindingSpec>(
    transaction: &mut Transaction,
    binding: &Binding<S>,
    before: Option<&S>,
) -> Result<(), WriteBindingError> {
    let app = binding.app_id;
    if !has_script(transaction, app, binding.script_id).await? {
        return Err(WriteBindingError::NoScript);
    }
    let known = before.map_or([None; 2], S::destinations);
    let destinations = binding.spec.destinations().into_iter().zip(known);
    for (field, (destination, known)) in DESTINATIONS.into_iter().zip(destinations) {
        if let Some(Destination::Script(script)) = destination
            && destination != known
            && !has_script(transaction, app, *script).await?
        {
            let script = *script;
            return Err(WriteBindingError::NoDestination { script, field });
        }
    }
    let name = args![app, S::KIND, &binding.name, binding.id];
    let taken: Option<(Uuid,)> = transaction.fetch_optional(NAME_TAKEN, name).await?;
    if taken.is_some() {
        return Err(WriteBindingError::NameTaken);
    }
    let manifest = ManifestBinding {
        id: binding.id,
        name: binding.name.clone(),
        script_id: binding.script_id,
        is_paused: binding.is_paused,
        spec: binding.spec.clone(),
    };
    put_binding(transaction, app, &manifest, binding.updated_at).await?;
    let size: Option<(i64, i64)> = transaction
        .fetch_optional(SIZE_OF_BINDINGS, args![app, S::KIND])
        .await?;
    let exceeds = |value: i64, most: usize| usize::try_from(value).is_ok_and(|value| value > most);
    match size {
        Some((entries, _)) if exceeds(entries, BINDINGS_MAX) => Err(WriteBindingError::TooMany),
        Some((_, bytes)) if exceeds(bytes, BINDINGS_BYTES_MAX) => Err(WriteBindingError::TooLarge),
        _ => Ok(()),
    }
}

async fn has_script(transaction: &mut Transaction, app: AppId, script: ScriptId) -> Result<bool, StoreError> {
    let found: Option<(Uuid,)> = transaction.fetch_optional(HAS_SCRIPT, args![app, script]).await?;
    Ok(found.is_some())
}

/// Writes a binding, whether it is there or not. One that is there keeps the time at which it was made.
pub(crate) async fn put_binding<S: BindingSpec>(
    transaction: &mut Transaction,
    app: AppId,
    binding: &ManifestBinding<S>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let spec = to_json(&binding.spec)?;
    let args = args![
        binding.id,
        app,
        S::KIND,
        &binding.name,
        binding.script_id,
        binding.is_paused,
        spec,
        at,
    ];
    transaction.execute(PUT_BINDING, args).await?;
    if S::KIND == ScheduleSpec::KIND {
        begin_anew(transaction, ScheduleId(binding.id), at).await?;
    }
    Ok(())
}

/// Frees the name of a binding that loses it, so that two can change names.
pub(crate) async fn free_binding_name(transaction: &mut Transaction, id: Uuid) -> Result<(), StoreError> {
    let free = args![id, id.to_string()];
    transaction.execute(FREE_BINDING_NAME, free).await.map(|_| ())
}

/// Takes a binding away.
pub(crate) async fn delete_binding(transaction: &mut Transaction, id: Uuid) -> Result<(), StoreError> {
    transaction.execute(DELETE_BINDING, args![id]).await.map(|_| ())
}

/// All of one kind in an app, as a manifest has them.
pub(crate) async fn bindings_of<S: BindingSpec>(
    transaction: &mut Transaction,
    app: AppId,
) -> Result<Vec<ManifestBinding<S>>, StoreError> {
    let args = args![app, S::KIND];
    let rows: Vec<BindingRow> = transaction.fetch_all(BINDINGS_OF_APP, args).await?;
    let bindings = rows.iter().map(|row| {
        Ok(ManifestBinding {
            id: row.id,
            name: row.name.clone(),
            script_id: ScriptId(row.script_id),
            is_paused: row.is_paused,
            spec: from_json(S::KIND, &row.spec)?,
        })
    });
    bindings.collect()
}

/// What starts a script, or tells it of ends, in words such as `schedule nightly`.
pub(crate) async fn bindings_of_script(
    transaction: &mut Transaction,
    app: AppId,
    script: ScriptId,
) -> Result<Vec<String>, StoreError> {
    let args = args![app, script, format!("%{script}%")];
    let rows: Vec<(String, String, Uuid, String)> = transaction.fetch_all(BINDINGS_OF_SCRIPT, args).await?;
    let mut words = Vec::new();
    for (kind, name, starts, spec) in rows {
        if starts == script.0 || tells(&spec, script)? {
            words.push(format!("{kind} {name}"));
        }
    }
    Ok(words)
}

/// Whether the script is a destination of this spec.
fn tells(spec: &str, script: ScriptId) -> Result<bool, StoreError> {
    let spec: Map<String, Value> = from_json("spec", spec)?;
    let destination = json!(Destination::Script(script));
    Ok(DESTINATIONS
        .into_iter()
        .any(|field| spec.get(field) == Some(&destination)))
}

/// Those of one kind among the rows, by app.
pub(crate) fn by_app<S: BindingSpec>(
    rows: &[BindingRow],
) -> Result<HashMap<Uuid, Vec<Binding<S>>>, StoreError> {
    let mut bindings: HashMap<Uuid, Vec<Binding<S>>> = HashMap::new();
    for row in rows.iter().filter(|row| row.kind == S::KIND) {
        bindings.entry(row.app_id).or_default().push(row.read()?);
    }
    Ok(bindings)
}

impl BindingRow {
    fn read<S: BindingSpec>(&self) -> Result<Binding<S>, StoreError> {
        Ok(Binding {
            id: self.id,
            app_id: AppId(self.app_id),
            name: self.name.clone(),
            script_id: ScriptId(self.script_id),
            is_paused: self.is_paused,
            spec: from_json(S::KIND, &self.spec)?,
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        })
    }
}

/// A spec with other values in some of its fields.
fn merged<S: BindingSpec>(spec: &S, fields: Map<String, Value>) -> Result<S, StoreError> {
    let mut merged: Map<String, Value> = from_json(S::KIND, &to_json(spec)?)?;
    merged.extend(fields);
    serde_json::from_value(merged.into()).map_err(|error| StoreError::Failed(Box::new(error)))
}

fn about<S: BindingSpec>(act: &str, binding: &Binding<S>) -> Entry {
    let action = match (act, S::KIND) {
        ("create", "subscription") => "create_subscription",
        ("create", _) => "create_schedule",
        ("update", "subscription") => "update_subscription",
        ("update", _) => "update_schedule",
        (_, "subscription") => "delete_subscription",
        _ => "delete_schedule",
    };
    Entry::new(action).about(S::KIND, binding.id, &binding.name)
}

/// What the audit log says of a binding.
fn state<S: BindingSpec>(binding: &Binding<S>) -> Result<Value, StoreError> {
    let mut state = json!({
        "name": binding.name,
        "script_id": binding.script_id,
        "is_paused": binding.is_paused,
    });
    let spec: Map<String, Value> = from_json(S::KIND, &to_json(&binding.spec)?)?;
    if let Value::Object(state) = &mut state {
        state.extend(spec);
    }
    Ok(state)
}
