//! Times a program of `bench/cpu` on plain Rhai: its own engine with all its limits off, on the allocator that
//! PiCloud counts on, but without the counting. `cargo xtask bench cpu` runs this.

#[path = "cpu/program.rs"]
mod program;

use program::Program;
use rhai::{Dynamic, Engine, Map, Scope};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let program = Program::of_arguments();
    let mut engine = Engine::new();
    engine
        .set_max_call_levels(usize::MAX)
        .set_max_expr_depths(0, 0)
        .set_max_operations(0);
    let mut scope = Scope::new();
    scope.push("request", ());
    let ast = engine
        .compile_with_scope(&scope, &program.source)
        .expect("the program compiles");
    let has_handler = ast.iter_functions().any(|function| function.name == "handle");

    let run = || -> Dynamic {
        let mut scope = Scope::new();
        let answer = if has_handler {
            engine.call_fn(&mut scope, &ast, "handle", (request(),))
        } else {
            scope.push("request", request());
            engine.eval_ast_with_scope(&mut scope, &ast)
        };
        answer.expect("the program runs")
    };
    program.check(&run().to_string());
    program.time(|| drop(run()));
}

/// What the programs read of a request: `?name=Ada`.
fn request() -> Map {
    let query = Map::from([("name".into(), "Ada".into())]);
    Map::from([("query".into(), query.into())])
}
