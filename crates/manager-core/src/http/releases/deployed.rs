//! What comes of deploying a bundle, or of restoring a release.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use picloud_shared::{
    access::Capability,
    app::App,
    problem::{Code, Problem},
    repository::{DeployConflict, DeployError, DeployTerms, Deployed},
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    ReleaseBody,
    changes::{ChangesBody, Made},
};
use crate::{
    Manager,
    http::{
        access::Caller,
        problem::{Answer, Refusal, not_found, problem, sentence},
    },
};

/// What came of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Deployment)]
pub(super) struct DeployedBody {
    /// The release that is live now; null if the app has none yet.
    #[schema(required)]
    release: Option<ReleaseBody>,
    /// What changed, or would.
    changes: ChangesBody,
}

/// One deployment, by a caller who may perhaps not change domains.
pub(super) struct Deployment {
    pub(super) terms: DeployTerms,
    /// What they get if domains would change.
    domains_refusal: Option<Refusal>,
}

impl Deployment {
    pub(super) async fn new(
        manager: &Manager,
        caller: &Caller,
        app: &App,
        expected: Option<u32>,
        dry_run: bool,
    ) -> Self {
        let may_change_domains = caller
            .permit_to(manager, Capability::DomainWrite, app.id, "app")
            .await;
        Self {
            terms: DeployTerms {
                expected,
                keep_domains: may_change_domains.is_err(),
                dry_run,
            },
            domains_refusal: may_change_domains.err(),
        }
    }

    /// Makes the deployment live, and the answer.
    pub(super) async fn finish(
        self,
        manager: &Manager,
        app: &App,
        result: Result<Option<Deployed>, DeployError>,
    ) -> Answer<Response> {
        let deployed = match result {
            Ok(deployed) => deployed.ok_or_else(|| not_found("release"))?,
            Err(error) => return Err(self.refusal(error)),
        };
        let body = |made| DeployedBody {
            release: deployed.release.map(ReleaseBody::from),
            changes: ChangesBody::new(deployed.changes, made),
        };
        if !deployed.is_new {
            let made = if self.terms.dry_run { Made::No } else { Made::Yes };
            return Ok(Json(body(made)).into_response());
        }
        manager.publish(app.id).await;
        let body = body(Made::Yes);
        let number = body.release.as_ref().map_or(0, |release| release.number);
        let location = format!("/api/v1/admin/apps/{}/releases/{number}", app.slug);
        Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(body)).into_response())
    }

    fn refusal(self, error: DeployError) -> Refusal {
        match error {
            DeployError::ReleaseMismatch { live } => {
                let detail =
                    format!("Release {live} is live now, not the one you expect. Look at what it changed.");
                Problem::new(Code::VersionMismatch, detail)
                    .with("live", live)
                    .into()
            }
            DeployError::DomainsKept => self
                .domains_refusal
                .unwrap_or_else(|| problem(Code::Forbidden, "Domains would change.")),
            DeployError::Conflicts(conflicts) => {
                let detail = "Something stands against this release; see `conflicts`. Nothing was changed.";
                let conflicts: Vec<_> = conflicts.iter().map(conflict).collect();
                Problem::new(Code::ReleaseConflict, detail)
                    .with("conflicts", conflicts)
                    .into()
            }
            DeployError::Imports(fault) => problem(Code::ScriptInvalid, sentence(&fault)),
            DeployError::HostsNotClaimed(hosts) => {
                let detail = "No domain of the app covers the hosts in `hosts`. Name domains that do, or leave `host` out.";
                Problem::new(Code::HostNotClaimed, detail)
                    .with("hosts", hosts)
                    .into()
            }
            DeployError::Store(error) => error.into(),
        }
    }
}

fn conflict(conflict: &DeployConflict) -> serde_json::Value {
    match conflict {
        DeployConflict::DomainTaken { pattern } => json!({ "kind": "domain_taken", "domain": pattern }),
        DeployConflict::SourceGone { script, version } => {
            json!({ "kind": "source_gone", "script": script, "version": version })
        }
    }
}
