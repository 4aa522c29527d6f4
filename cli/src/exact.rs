//! Paths in JSON: as text where they are UTF-8, else as `{"base64": …}`. For `#[serde(with)]`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Bytes { base64: String },
}

/// Writes a path.
pub(crate) fn serialize<S: serde::Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    let text = match path.to_str() {
        Some(text) => Text::Plain(text.to_owned()),
        None => Text::Bytes {
            base64: BASE64.encode(path.as_os_str().as_bytes()),
        },
    };
    text.serialize(to)
}

/// Reads a path.
pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    match Text::deserialize(from)? {
        Text::Plain(text) => Ok(text.into()),
        Text::Bytes { base64 } => {
            let bytes = BASE64.decode(base64).map_err(serde::de::Error::custom)?;
            Ok(OsString::from_vec(bytes).into())
        }
    }
}
