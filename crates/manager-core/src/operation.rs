//! What the table of operations is made of.

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::MethodRouter,
};
use utoipa::openapi::{ComponentsBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::{
    Manager,
    http::{
        access::{Access, Guarded, guard},
        answer::to_the_end,
        verbs,
    },
};

/// One operation of the API.
pub(crate) struct Operation {
    /// Who may call it.
    pub(crate) access: Access,
    /// Whether it changes anything.
    pub(crate) effect: Effect,
    /// Its `operationId`, which is the name of its function.
    pub(crate) action: &'static str,
    /// Its path, as the API writes it.
    pub(crate) template: String,
    pub(crate) handler: MethodRouter<Manager>,
    /// Makes its description, which takes more memory than all else and serves nobody's request.
    pub(crate) describe: fn() -> UtoipaMethodRouter<Manager>,
}

/// Whether an operation changes anything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It may be cut off when the client goes away.
    Reads,
    /// It runs to its end even if the client goes away.
    Changes,
}

impl Effect {
    /// The word for it in the API's description.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Changes => "changes",
        }
    }
}

impl Operation {
    /// Its description.
    pub(crate) fn to_openapi(&self) -> OpenApi {
        let (schemas, paths, _) = (self.describe)();
        let components = ComponentsBuilder::new().schemas_from_iter(schemas).build();
        OpenApiBuilder::new()
            .paths(paths)
            .components(Some(components))
            .build()
    }

    /// Adds it to the router, behind its guard.
    pub(crate) fn added_to(self, router: Router<Manager>, manager: &Manager) -> Router<Manager> {
        let mut handler = self.handler;
        if self.effect == Effect::Changes {
            handler = handler.layer(from_fn(to_the_end));
        }
        let guarded = Guarded {
            manager: manager.clone(),
            action: self.action,
            access: self.access,
            is_recorded: self.effect == Effect::Changes || self.access == Access::Open,
        };
        handler = handler.route_layer(from_fn_with_state(guarded, guard));
        router.route(&verbs::inner(&self.template), handler)
    }
}

/// A list of operations, each `access, effect: module::function;`. One without an access does not compile.
macro_rules! table {
    ($($access:expr, $effect:ident: $($operation:tt)::+;)+) => {
        vec![$({
            type Described = $crate::operation::described!([] $($operation)::+);
            let methods = <Described as utoipa::Path>::methods();
            $crate::operation::Operation {
                access: $access,
                effect: $effect,
                action: $crate::operation::last_segment(stringify!($($operation)::+)),
                template: <Described as utoipa::Path>::path(),
                handler: methods.iter().fold(axum::routing::MethodRouter::new(), |router, method| {
                    router.on(utoipa_axum::PathItemExt::to_method_filter(method), $($operation)::+)
                }),
                describe: || utoipa_axum::routes!($($operation)::+),
            }
        }),+]
    };
}
pub(crate) use table;

/// The type that carries the description of a function, which stands beside it.
macro_rules! described {
    ([$($module:ident)*] $function:ident) => {
        utoipa_axum::paste! { $($module::)* [<__path_ $function>] }
    };
    ([$($module:ident)*] $next:ident :: $($rest:tt)+) => {
        $crate::operation::described!([$($module)* $next] $($rest)+)
    };
}
pub(crate) use described;

/// The function of a path to it.
pub(crate) fn last_segment(path: &'static str) -> &'static str {
    path.rsplit("::").next().unwrap_or(path).trim()
}
