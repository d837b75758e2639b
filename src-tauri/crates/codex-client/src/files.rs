//! Files on disk: telling one version from another, and replacing one whole.

pub(crate) mod stamp;
