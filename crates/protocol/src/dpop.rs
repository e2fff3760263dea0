//! DPoP proofs (RFC 9449) with Ed25519 keys: written by the workstation, checked by the server.
