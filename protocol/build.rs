//! Compiles the schema. protox reads `.proto` files in Rust, so that no `protoc` has to be installed.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    const SCHEMA: &str = "liveroom.proto";
    println!("cargo:rerun-if-changed={SCHEMA}");
    let schema = protox::compile([SCHEMA], ["."])?;
    prost_build::Config::new()
        // Whatever becomes a `bytes` field later shares the buffer it arrived in.
        .bytes(["."])
        .compile_fds(schema)?;
    Ok(())
}
