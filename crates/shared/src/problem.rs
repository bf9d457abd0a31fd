//! Problems: the one form of every error answer (RFC 9457), and the table of their codes.

use http::StatusCode;
use serde_json::{Map, Value};

use crate::id::ExecutionId;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// An error as a client sees it.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Which.
    pub code: Code,
    /// A sentence that says what to do.
    pub detail: String,
    /// Fields of its own, such as `line`, `conflicts_with` or `errors`.
    pub extra: Map<String, Value>,
    /// For the `retry-after` header, in seconds; every 429 and 503 has it.
    pub retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem without fields of its own.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry_after_s = matches!(
            code.status(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        )
        .then_some(1);
        Self {
            code,
            detail: detail.into(),
            extra: Map::new(),
            retry_after_s,
        }
    }

    /// The same problem with one more field.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(field.to_owned(), value.into());
        self
    }

    /// The body, as JSON.
    pub fn to_body(&self, request_id: ExecutionId) -> Vec<u8> {
        let mut body = self.extra.clone();
        body.insert("type".to_owned(), self.code.type_uri().into());
        body.insert("title".to_owned(), self.code.title().into());
        body.insert("status".to_owned(), self.code.status().as_u16().into());
        body.insert("code".to_owned(), self.code.as_str().into());
        body.insert("detail".to_owned(), self.detail.as_str().into());
        body.insert("request_id".to_owned(), request_id.to_string().into());
        Value::Object(body).to_string().into_bytes()
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:ident, $title:literal;)+) => {
        /// What kind of problem. Each has a page, `docs/errors/<code>.md`, which the instance serves at its type URI.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The stable word for it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The status of the answer.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),+ }
            }

            /// A few words, always the same.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }

            /// Where the instance explains it, relative to any host on which it answers its own paths.
            pub fn type_uri(self) -> &'static str {
                match self { $(Self::$name => concat!("/api/v1/problems/", $code)),+ }
            }
        }
    };
}

codes! {
    /// The request is malformed HTTP or has a malformed host or path.
    BadRequest = "bad_request", BAD_REQUEST, "Malformed request";
    /// The body is not the JSON that was expected.
    InvalidJson = "invalid_json", BAD_REQUEST, "Body is not valid JSON";
    /// No credentials, or none that are valid.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "Sign in first";
    /// Name and password do not fit.
    InvalidCredentials = "invalid_credentials", UNAUTHORIZED, "Name or password is wrong";
    /// The password fits, a code of the second factor is missing.
    SecondFactorRequired = "second_factor_required", UNAUTHORIZED, "Second factor is missing";
    /// The password fits, the code of the second factor does not.
    InvalidSecondFactor = "invalid_second_factor", UNAUTHORIZED, "Code is wrong";
    /// The request is not signed as the webhook of its route wants it.
    SignatureInvalid = "signature_invalid", UNAUTHORIZED, "Signature is not valid";
    /// Not allowed to this caller.
    Forbidden = "forbidden", FORBIDDEN, "Not allowed";
    /// The setup code is wrong.
    InvalidSetupCode = "invalid_setup_code", FORBIDDEN, "Setup code is wrong";
    /// A write that came from another site, with a cookie.
    CrossSiteRequest = "cross_site_request", FORBIDDEN, "Refused from another site";
    /// No such invitation, or one that has ended or was used.
    InvitationInvalid = "invitation_invalid", NOT_FOUND, "Invitation is not valid";
    /// Nothing there that this caller may see.
    NotFound = "not_found", NOT_FOUND, "Not found";
    /// No app claims the host.
    UnknownHost = "unknown_host", NOT_FOUND, "No app claims this host";
    /// The app has no route for the path.
    NoRoute = "no_route", NOT_FOUND, "No route for this path";
    /// The path exists, the method on it does not.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    /// The request did not arrive in time.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "Request came too slowly";
    /// An owner exists already.
    AlreadySetUp = "already_set_up", CONFLICT, "Already set up";
    /// The person is a member of the app already.
    AlreadyMember = "already_member", CONFLICT, "Already a member";
    /// Somebody has the username.
    UsernameTaken = "username_taken", CONFLICT, "Username is taken";
    /// Nobody would be left who may do everything.
    LastOwner = "last_owner", CONFLICT, "Last active owner";
    /// A second factor is in force.
    SecondFactorEnabled = "second_factor_enabled", CONFLICT, "Second factor is in force";
    /// Another token of the person has the name.
    TokenNameTaken = "token_name_taken", CONFLICT, "Token name is taken";
    /// The person has as many tokens as anybody may have.
    TooManyTokens = "too_many_tokens", CONFLICT, "Too many API tokens";
    /// The app has as many of something as one app may have.
    LimitReached = "limit_reached", CONFLICT, "Too many in this app";
    /// Another app has the slug.
    SlugTaken = "slug_taken", CONFLICT, "Slug is taken";
    /// Another app had the slug before.
    SlugInHistory = "slug_in_history", CONFLICT, "Slug still redirects to another app";
    /// The app still has scripts or domains.
    AppNotEmpty = "app_not_empty", CONFLICT, "App is not empty";
    /// A domain of the same shape is claimed.
    DomainTaken = "domain_taken", CONFLICT, "Domain is taken";
    /// Routes name hosts under the domain.
    DomainInUse = "domain_in_use", CONFLICT, "Domain is in use";
    /// Another collection of the app has the name.
    CollectionTaken = "collection_taken", CONFLICT, "Collection name is taken";
    /// Another document has the id, or a value that only one may have.
    DocumentTaken = "document_taken", CONFLICT, "Document is taken";
    /// Another script of the app has the name.
    ScriptNameTaken = "script_name_taken", CONFLICT, "Script name is taken";
    /// Another subscription or schedule of the app has the name.
    NameTaken = "name_taken", CONFLICT, "Name is taken";
    /// Routes lead to the script.
    ScriptInUse = "script_in_use", CONFLICT, "Script is in use";
    /// Another route of the app matches the same requests.
    RouteConflict = "route_conflict", CONFLICT, "Routes conflict";
    /// What a release holds cannot be put in place.
    ReleaseConflict = "release_conflict", CONFLICT, "Release cannot be put in place";
    /// What the script worked with changed, however often it ran.
    Conflict = "conflict", CONFLICT, "Changed meanwhile";
    /// Somebody else changed it meanwhile.
    VersionMismatch = "version_mismatch", PRECONDITION_FAILED, "Changed meanwhile";
    /// The body is larger than allowed.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "Body is too large";
    /// The path and query are longer than allowed.
    UriTooLong = "uri_too_long", URI_TOO_LONG, "Address is too long";
    /// The head of the request is larger than allowed, or has too many headers.
    HeadersTooLarge = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "Headers are too large";
    /// The body has another media type than expected.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Media type is not supported";
    /// Fields are missing, unknown or out of range.
    ValidationFailed = "validation_failed", UNPROCESSABLE_ENTITY, "Some fields are not valid";
    /// Not a slug.
    InvalidSlug = "invalid_slug", UNPROCESSABLE_ENTITY, "Not a valid slug";
    /// Not a domain pattern.
    InvalidDomain = "invalid_domain", UNPROCESSABLE_ENTITY, "Not a valid domain";
    /// A domain that no app may claim.
    DomainNotAllowed = "domain_not_allowed", UNPROCESSABLE_ENTITY, "Domain cannot be claimed";
    /// The account is deactivated.
    UserInactive = "user_inactive", UNPROCESSABLE_ENTITY, "Account is deactivated";
    /// Owners and admins are no members of apps.
    NotAMemberUser = "not_a_member_user", UNPROCESSABLE_ENTITY, "Has a role in every app already";
    /// The source does not compile.
    ScriptInvalid = "script_invalid", UNPROCESSABLE_ENTITY, "Script does not compile";
    /// No claim of the app covers the host.
    HostNotClaimed = "host_not_claimed", UNPROCESSABLE_ENTITY, "Host is not claimed by the app";
    /// The path belongs to PiCloud.
    ReservedPath = "reserved_path", UNPROCESSABLE_ENTITY, "Path is reserved";
    /// Too many tries.
    TooManyRequests = "too_many_requests", TOO_MANY_REQUESTS, "Too many requests";
    /// PiCloud's own fault.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Internal error";
    /// The script failed.
    ScriptFailed = "script_error", INTERNAL_SERVER_ERROR, "The script failed";
    /// The script used too much of something other than time.
    ScriptLimitExceeded = "script_limit_exceeded", INTERNAL_SERVER_ERROR, "The script exceeded a limit";
    /// The server has no room for more work, or is stopping.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Overloaded";
    /// The script is suspended.
    ScriptSuspended = "script_suspended", SERVICE_UNAVAILABLE, "The script is suspended";
    /// There is no key to look at signatures with.
    WebhookNotReady = "webhook_not_ready", SERVICE_UNAVAILABLE, "Webhook has no key";
    /// The database does not answer.
    DatabaseUnavailable = "database_unavailable", SERVICE_UNAVAILABLE, "Database does not answer";
    /// The database did not answer while something was committed.
    CommitUnknown = "commit_unknown", SERVICE_UNAVAILABLE, "Not known whether it was stored";
    /// The script took too long.
    ScriptTimeout = "script_timeout", GATEWAY_TIMEOUT, "The script took too long";
    /// The disk is full.
    InsufficientStorage = "insufficient_storage", INSUFFICIENT_STORAGE, "No space left";
    /// Scripts call each other, or the server itself, without an end.
    LoopDetected = "loop_detected", LOOP_DETECTED, "Loop detected";
    /// The app has as much as it may keep.
    QuotaExceeded = "quota_exceeded", INSUFFICIENT_STORAGE, "Quota exceeded";
}
