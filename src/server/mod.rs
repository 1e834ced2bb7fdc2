//! What makes one server out of the layers: configuration, keys and certificates, wiring, draining.

pub mod config;
pub mod development;
pub mod keys;
pub mod tls;
