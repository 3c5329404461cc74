//! Settings of authentication, which this version reads and checks but does not use yet.

use serde::Serialize;

use super::Secret;
use super::read::Reader;

/// Values that stand in public documents, so everybody knows them.
const PUBLIC_SECRETS: [&str; 2] =
    ["your-secret-key-change-in-production", "your-super-secret-key-min-32-chars"];
const SHORTEST_SECRET_BYTES: usize = 32;

/// Settings of tokens. Not used by this version.
#[derive(Debug, Clone, Serialize)]
pub struct AuthConfig {
    /// `JWT_SECRET_KEY`: signs the tokens; no default, 32 bytes or more.
    pub jwt_secret: Option<Secret>,
    /// `JWT_ALGORITHM`: default `HS256`.
    pub jwt_algorithm: JwtAlgorithm,
    /// `JWT_ACCESS_TOKEN_EXPIRE_MINUTES`: life of an access token; default 30, from 1 to 1440.
    pub access_token_minutes: u32,
    /// `JWT_REFRESH_TOKEN_EXPIRE_DAYS`: life of a refresh token; default 7, from 1 to 365.
    pub refresh_token_days: u32,
}

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl AuthConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            jwt_secret: reader.text("JWT_SECRET_KEY").map(Secret::new),
            jwt_algorithm: reader.parsed(
                "JWT_ALGORITHM",
                JwtAlgorithm::Hs256,
                "HS256, HS384 or HS512",
                |value| match value.to_ascii_uppercase().as_str() {
                    "HS256" => Some(JwtAlgorithm::Hs256),
                    "HS384" => Some(JwtAlgorithm::Hs384),
                    "HS512" => Some(JwtAlgorithm::Hs512),
                    _ => None,
                },
            ),
            access_token_minutes: reader.number("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", 30, 1..=1440),
            refresh_token_days: reader.number("JWT_REFRESH_TOKEN_EXPIRE_DAYS", 7, 1..=365),
        }
    }

    /// Why the secret would not protect anybody, if so.
    pub(super) fn weakness(&self) -> Option<&'static str> {
        match self.jwt_secret.as_ref().map(Secret::expose) {
            None => Some("is not set"),
            Some(secret) if PUBLIC_SECRETS.contains(&secret) => Some("is an example from the documentation"),
            Some(secret) if secret.len() < SHORTEST_SECRET_BYTES => Some("is shorter than 32 bytes"),
            Some(_) => None,
        }
    }
}
