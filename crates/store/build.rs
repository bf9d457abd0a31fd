//! Builds the crate again when a migration is added; edits of known ones are noticed without this.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
