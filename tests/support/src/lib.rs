//! What tests of twincast share.

pub mod oracle;
