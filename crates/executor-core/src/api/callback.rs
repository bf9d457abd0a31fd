//! Functions of a script that a native function calls for each of many items.
//!
//! A callback may take the item as a parameter or as `this`, and the item's index or not. Rhai finds out by trying, for
//! every item: it calls the function in one way, and in the next if there is none that fits. A call that fails looks
//! for natives of every type and words an error, which costs more than most callbacks do. A closure can be only one
//! function, so here its parameters are counted once, and it is called as they say. It also gets one set of caches for
//! all items instead of one for each.
//!
//! What it gives, what it takes and how it fails is what Rhai's own way has: a test compares them.

use rhai::{
    Caches, Dynamic, EvalAltResult, EvalContext, FnArgsVec, FnPtr, GlobalRuntimeState, NativeCallContext,
    Position, Scope,
};

use crate::{api::argument::Fallible, error::script_of, gate, modules::function_in};

/// A function to call for each item.
pub(super) struct Callback<'a> {
    caller: &'static str,
    context: &'a NativeCallContext<'a>,
    function: &'a FnPtr,
    /// How many parameters it has beyond those that it got when it was made. None if it is no closure.
    params: Option<usize>,
    frame: Option<Frame>,
}

/// The function of that name which the script has that calls a native function.
pub(super) fn named(context: &NativeCallContext<'_>, name: &str) -> Fallible<FnPtr> {
    FnPtr::new(function_in(script_of(context), name).into_owned())
}

/// What runs of a closure share.
struct Frame {
    global: GlobalRuntimeState,
    caches: Caches,
    scope: Scope<'static>,
}

impl<'a> Callback<'a> {
    /// `function`, called by the native function `caller`.
    pub(super) fn new(caller: &'static str, context: &'a NativeCallContext<'a>, function: &'a FnPtr) -> Self {
        let params = params_of(context, function)
            // A captured variable that is in use just now makes the call fail, and Rhai says how.
            .filter(|_| !function.iter_curry().any(Dynamic::is_locked))
            .and_then(|params| params.checked_sub(function.curry().len()));
        Self {
            caller,
            context,
            function,
            params,
            frame: None,
        }
    }

    /// Calls it for the item number `index`, with `first` before the item if there is one.
    pub(super) fn call<const N: usize>(
        &mut self,
        item: &mut Dynamic,
        index: usize,
        first: [Dynamic; N],
    ) -> Fallible<Dynamic> {
        let index = i64::try_from(index).unwrap_or(i64::MAX).into();
        self.call_with(item, first, [index])
    }

    /// Calls it for an item that has no index, with `first` before the item.
    pub(super) fn call_with<const N: usize, const E: usize>(
        &mut self,
        item: &mut Dynamic,
        first: [Dynamic; N],
        last: [Dynamic; E],
    ) -> Fallible<Dynamic> {
        let is_plain = !item.is_shared() && !first.iter().any(Dynamic::is_shared);
        // Each way that Rhai would try first is a step.
        let tries = match self.params {
            Some(params) if is_plain && params == N + 1 => 1,
            Some(params) if is_plain && params == N + 1 + E => 2,
            _ => {
                let place = Some(N);
                return self.function.call_raw_with_extra_args(
                    self.caller,
                    self.context,
                    Some(item),
                    first,
                    last,
                    place,
                );
            }
        };
        let last = last.into_iter().filter(|_| tries == 2);
        let arguments = first.into_iter().chain([item.clone()]).chain(last);
        self.call_closure(tries, arguments)
            .map_err(|error| self.failed(error))
    }

    /// Calls it on an item, which is its `this` and no parameter.
    pub(super) fn call_on(&mut self, item: &mut Dynamic, index: usize) -> Fallible<Dynamic> {
        let index = i64::try_from(index).unwrap_or(i64::MAX).into();
        if self.params == Some(1) && !item.is_shared() {
            gate::spend(1)
                .and_then(|()| self.function.call_raw(self.context, Some(item), [index]))
                .map_err(|error| self.failed(error))
        } else {
            self.function
                .call_raw_with_extra_args(self.caller, self.context, Some(item), [], [index], None)
        }
    }

    /// Calls it with these arguments.
    pub(super) fn call_plainly<const N: usize>(&mut self, arguments: [Dynamic; N]) -> Fallible<Dynamic> {
        if self.params == Some(N) && !arguments.iter().any(Dynamic::is_shared) {
            self.call_closure(0, arguments.into_iter())
        } else {
            self.function.call_raw(self.context, None, arguments)
        }
    }

    fn call_closure(&mut self, steps: u64, arguments: impl Iterator<Item = Dynamic>) -> Fallible<Dynamic> {
        gate::spend(steps)?;
        let curried = self.function.iter_curry().cloned();
        let mut arguments: FnArgsVec<Dynamic> = curried.chain(arguments).collect();
        let mut arguments: FnArgsVec<&mut Dynamic> = arguments.iter_mut().collect();
        let frame = self.frame.get_or_insert_with(|| Frame::below(self.context));
        let mut context = EvalContext::new(
            self.context.engine(),
            &mut frame.global,
            &mut frame.caches,
            &mut frame.scope,
            None,
        );
        context
            .call_fn_raw(self.function.fn_name(), false, false, &mut arguments)
            .map_err(|mut error| {
                if error.position().is_none() {
                    error.set_position(self.context.call_position());
                }
                error
            })
    }

    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the form in which Rhai takes errors"
    )]
    fn failed(&self, error: Box<EvalAltResult>) -> Box<EvalAltResult> {
        let source = self.context.call_source().unwrap_or_default().to_owned();
        EvalAltResult::ErrorInFunctionCall(self.caller.to_owned(), source, error, Position::NONE).into()
    }
}

impl Frame {
    fn below(context: &NativeCallContext<'_>) -> Self {
        let mut global = context.global_runtime_state().clone();
        // By its name a function is called two levels deeper, by its pointer one.
        global.level = global.level.saturating_sub(1);
        Self {
            global,
            caches: Caches::new(),
            scope: Scope::new(),
        }
    }
}

/// The parameters of a closure, those among them that it got when it was made.
fn params_of(context: &NativeCallContext<'_>, function: &FnPtr) -> Option<usize> {
    if !function.is_anonymous() {
        return None;
    }
    // It is in the script, or in one of those that the script imports.
    let mut functions = context
        .namespaces()
        .iter()
        .flat_map(|script| script.iter_script_fn_info());
    let (.., params, _) = functions.find(|(_, _, name, ..)| *name == function.fn_name())?;
    Some(params)
}
