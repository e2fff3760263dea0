//! The CapabilityStatement: made from the tables that the service itself goes by.

use fhir::resource::TYPES;
use fhir::search::{ParamKind, params};
use serde_json::{Value, json};

use crate::app::App;
use crate::fhir_api::answer::Answer;
use crate::fhir_api::audit_events;
use crate::fhir_api::dispatch::base;
use crate::smart::configuration::token_endpoint;

/// When this statement last changed its meaning.
const DATE: &str = "2026-11-23";

/// `GET metadata`.
pub fn answer(app: &App) -> Answer {
    Answer::document(&statement(&base(app), &token_endpoint(app)))
}

/// The statement for a service at `base` whose tokens come from `token_endpoint`.
pub fn statement(base: &str, token_endpoint: &str) -> Value {
    let resources: Vec<Value> = TYPES.iter().map(|kind| resource(kind)).collect();
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE,
        "publisher": "Rounds",
        "kind": "instance",
        "software": {"name": "rounds-server", "version": env!("CARGO_PKG_VERSION")},
        "implementation": {"description": "Rounds FHIR R4 service", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "patchFormat": ["application/json-patch+json"],
        "rest": [{
            "mode": "server",
            "security": {
                "cors": false,
                "extension": [{
                    "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                    "extension": [{"url": "token", "valueUri": token_endpoint}],
                }],
                "service": [{
                    "coding": [{
                        "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                        "code": "SMART-on-FHIR",
                    }],
                    "text": "SMART Backend Services: client_credentials with private_key_jwt",
                }],
                "description": "Opaque access tokens: bound to an enrolled device's key (DPoP, RFC 9449) \
                                for workstations; bearer tokens for programs, by SMART Backend Services with \
                                scopes for five minutes, or issued by the operator. What scopes leave is \
                                decided by role, relationship and consent. TLS 1.3 only.",
            },
            "resource": resources,
            "interaction": [{"code": "transaction"}, {"code": "batch"}],
        }],
    })
}

fn resource(kind: &str) -> Value {
    if kind == "AuditEvent" {
        let search: Vec<Value> = audit_events::PARAMS
            .iter()
            .map(|(name, kind)| json!({"name": name, "type": kind}))
            .collect();
        return json!({
            "type": kind,
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "versioning": "no-version",
            "searchParam": search,
        });
    }
    let interactions: Vec<Value> = [
        "read",
        "vread",
        "update",
        "patch",
        "delete",
        "history-instance",
        "create",
        "search-type",
    ]
    .iter()
    .map(|code| json!({"code": code}))
    .collect();
    let search: Vec<Value> = params(kind)
        .iter()
        .map(|param| json!({"name": param.code, "type": kind_code(param.kind)}))
        .collect();
    let includes: Vec<String> = params(kind)
        .iter()
        .filter(|param| param.kind == ParamKind::Reference)
        .map(|param| format!("{kind}:{}", param.code))
        .collect();
    let reverse: Vec<String> = TYPES
        .iter()
        .filter(|source| **source != "AuditEvent")
        .flat_map(|source| {
            params(source)
                .iter()
                .filter(|param| param.kind == ParamKind::Reference && param.targets.contains(&kind))
                .map(move |param| format!("{source}:{}", param.code))
        })
        .collect();
    let mut stated = json!({
        "type": kind,
        "interaction": interactions,
        "versioning": "versioned",
        "readHistory": true,
        "updateCreate": true,
        "conditionalCreate": true,
        "conditionalRead": "not-match",
        "conditionalUpdate": false,
        "conditionalDelete": "not-supported",
        "referencePolicy": ["literal", "enforced"],
    });
    if let Value::Object(map) = &mut stated {
        for (name, list) in [
            (
                "searchInclude",
                includes.into_iter().map(Value::from).collect::<Vec<_>>(),
            ),
            (
                "searchRevInclude",
                reverse.into_iter().map(Value::from).collect(),
            ),
            ("searchParam", search),
        ] {
            if !list.is_empty() {
                map.insert(name.to_owned(), Value::Array(list));
            }
        }
        if kind == "Patient" {
            map.insert(
                "operation".to_owned(),
                json!([{
                    "name": "everything",
                    "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything",
                }]),
            );
        }
    }
    stated
}

fn kind_code(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::String => "string",
        ParamKind::Token => "token",
        ParamKind::Date => "date",
        ParamKind::Reference => "reference",
        ParamKind::Quantity => "quantity",
        ParamKind::Uri => "uri",
    }
}
