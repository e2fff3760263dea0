//! `.well-known/smart-configuration`: what a program must know to get a token.

use fhir::resource::TYPES;
use serde_json::{Value, json};

use crate::app::App;
use crate::fhir_api::answer::Answer;
use crate::smart::assertion::ALLOWED;

/// URL of the token endpoint.
pub fn token_endpoint(app: &App) -> String {
    format!("{}{}", app.config.public_url, protocol::path::SMART_TOKEN)
}

/// `GET .well-known/smart-configuration`.
pub fn answer(app: &App) -> Answer {
    Answer::document(&document(&token_endpoint(app)))
}

fn document(endpoint: &str) -> Value {
    let algorithms: Vec<&str> = ALLOWED.iter().map(|a| a.as_str()).collect();
    let mut scopes = vec!["system/*.cruds".to_owned(), "system/*.rs".to_owned()];
    scopes.extend(TYPES.iter().map(|kind| match *kind {
        // Nobody writes there.
        "AuditEvent" => "system/AuditEvent.rs".to_owned(),
        kind => format!("system/{kind}.cruds"),
    }));
    json!({
        "token_endpoint": endpoint,
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": scopes,
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    })
}
