//! A stand-in for AWS KMS, and for the agents that hand out credentials: it speaks KMS's JSON
//! protocol, checks signatures, binds what it wraps to key and context, and fails as it is told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::signature::Signed;

pub const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/0f6f1f9e-1111-4222-8333-444455556666";
pub const OTHER_KEY: &str =
    "arn:aws:kms:eu-west-1:111122223333:key/aaaaaaaa-1111-4222-8333-444455556666";
pub const ACCESS_KEY: &str = "AKIASTANDIN";
pub const SECRET_KEY: &str = "stand-in/secret+key";

/// What the service does instead of its work.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Refuses this many requests, with this exception.
    Refuse(u32, StatusCode, &'static str),
    /// Answers nobody for so long.
    Sleep(Duration),
}

#[derive(Default)]
struct Inner {
    /// State of each key, as DescribeKey tells it.
    keys: HashMap<String, &'static str>,
    /// What was wrapped: key, context and plaintext by the blob.
    wrapped: HashMap<Vec<u8>, (String, Value, String)>,
    /// Secrets and session tokens of access keys.
    accounts: HashMap<String, (String, Option<String>)>,
    fault: Option<Fault>,
    /// Names of what was asked, whatever became of it.
    asked: Vec<String>,
    /// Contexts that came.
    contexts: Vec<Value>,
    /// Minutes that handed-out credentials live.
    life: i64,
    handed: u32,
}

/// A running service; it ends when dropped.
pub struct Service {
    pub url: Url,
    inner: Arc<Mutex<Inner>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Service {
    /// Starts on a thread of its own, so that a test may block beside it.
    pub fn start() -> Self {
        let inner = Arc::new(Mutex::new(Inner {
            keys: HashMap::from([
                (KEY.to_owned(), "Enabled"),
                (OTHER_KEY.to_owned(), "Enabled"),
            ]),
            accounts: HashMap::from([(ACCESS_KEY.to_owned(), (SECRET_KEY.to_owned(), None))]),
            life: 60,
            ..Inner::default()
        }));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let state = Arc::clone(&inner);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let at: SocketAddr = "127.0.0.1:0".parse().unwrap();
                let listener = tokio::net::TcpListener::bind(at).await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let router = Router::new().fallback(answer).with_state(state);
                let serve = axum::serve(listener, router);
                tokio::select! {
                    result = async { serve.await } => result.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        let address = told.recv().unwrap();
        Self {
            url: Url::parse(&format!("http://{address}/")).unwrap(),
            inner,
            stop: Some(stop),
        }
    }

    fn with<R>(&self, act: impl FnOnce(&mut Inner) -> R) -> R {
        act(&mut self.inner.lock().unwrap())
    }

    /// From now on.
    pub fn fail(&self, fault: Option<Fault>) {
        self.with(|inner| inner.fault = fault);
    }

    /// The state of a key, as DescribeKey tells it.
    pub fn set_key(&self, key: &str, state: &'static str) {
        self.with(|inner| inner.keys.insert(key.to_owned(), state));
    }

    /// What was asked since the last time, in order.
    pub fn asked(&self) -> Vec<String> {
        self.with(|inner| std::mem::take(&mut inner.asked))
    }

    /// Looks at what was asked since the last time.
    pub fn with_asked<R>(&self, look: impl FnOnce(&[String]) -> R) -> R {
        self.with(|inner| look(&inner.asked))
    }

    /// All contexts that came.
    pub fn contexts(&self) -> Vec<Value> {
        self.with(|inner| inner.contexts.clone())
    }

    /// Handed-out credentials live so many minutes; those of earlier are no longer taken.
    pub fn hand_out(&self, minutes: i64) {
        self.with(|inner| {
            inner.life = minutes;
            inner.accounts.retain(|_, (_, token)| token.is_none());
        });
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.take();
    }
}

fn refused(status: StatusCode, name: &str) -> Response {
    let body = json!({"__type": name, "message": "stand-in"});
    (status, body.to_string()).into_response()
}

async fn answer(
    State(inner): State<Arc<Mutex<Inner>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let sleep = match inner.lock().unwrap().fault {
        Some(Fault::Sleep(time)) => Some(time),
        _ => None,
    };
    if let Some(time) = sleep {
        tokio::time::sleep(time).await;
    }
    let mut inner = inner.lock().unwrap();
    match uri.path() {
        "/" => inner.kms(&method, &headers, &body),
        "/container" => {
            if headers
                .get("authorization")
                .is_none_or(|token| token != "agent-token")
            {
                return StatusCode::UNAUTHORIZED.into_response();
            }
            inner.hand().to_string().into_response()
        }
        "/latest/api/token" if method == Method::PUT => "machine-token".into_response(),
        path if headers
            .get("x-aws-ec2-metadata-token")
            .is_some_and(|token| token == "machine-token") =>
        {
            match path {
                "/latest/meta-data/iam/security-credentials/" => "rounds\n".into_response(),
                "/latest/meta-data/iam/security-credentials/rounds" => {
                    inner.hand().to_string().into_response()
                }
                _ => StatusCode::NOT_FOUND.into_response(),
            }
        }
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}

impl Inner {
    /// Fresh credentials.
    fn hand(&mut self) -> Value {
        self.handed += 1;
        let (id, token) = (
            format!("ASIA{}", self.handed),
            format!("token-{}", self.handed),
        );
        let secret = Uuid::new_v4().to_string();
        self.asked.push(format!("credentials {id}"));
        self.accounts
            .insert(id.clone(), (secret.clone(), Some(token.clone())));
        let until = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(self.life);
        json!({"Code": "Success", "AccessKeyId": id, "SecretAccessKey": secret, "Token": token,
               "Expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()})
    }

    fn kms(&mut self, method: &Method, headers: &HeaderMap, body: &[u8]) -> Response {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let target = text("x-amz-target").unwrap_or_default();
        let action = target.trim_start_matches("TrentService.").to_owned();
        self.asked.push(action.clone());
        if let Some(Fault::Refuse(left, status, name)) = &mut self.fault
            && *left > 0
        {
            *left -= 1;
            return refused(*status, name);
        }
        let headers: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let signed = Signed {
            method: method.as_str(),
            path: "/",
            query: "",
            headers: &headers,
            body,
        };
        let secret = |id: &str| self.accounts.get(id).map(|(secret, _)| secret.clone());
        let scope = match signed.check(secret) {
            Ok(scope) => scope,
            Err("an unknown access key") => {
                return refused(StatusCode::BAD_REQUEST, "UnrecognizedClientException");
            }
            Err(_) => return refused(StatusCode::BAD_REQUEST, "InvalidSignatureException"),
        };
        let token = headers
            .iter()
            .find(|(name, _)| name == "x-amz-security-token")
            .map(|(_, value)| value.clone());
        if self.accounts[&scope.access_key].1 != token {
            return refused(StatusCode::BAD_REQUEST, "ExpiredTokenException");
        }
        let ask: Value = serde_json::from_slice(body).unwrap();
        let key = ask["KeyId"].as_str().unwrap().to_owned();
        let region = key.split(':').nth(3).unwrap_or_default();
        if !signed.is_fresh() || scope.service != "kms" || scope.region != region {
            return refused(StatusCode::BAD_REQUEST, "InvalidSignatureException");
        }
        let Some(state) = self.keys.get(&key).copied() else {
            return refused(
                StatusCode::BAD_REQUEST,
                "com.amazonaws.kms#NotFoundException",
            );
        };
        if state == "Withdrawn" {
            return refused(StatusCode::BAD_REQUEST, "AccessDeniedException");
        }
        if action == "DescribeKey" {
            let found = json!({"KeyMetadata": {"Arn": key, "KeyState": state,
                "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"}});
            return found.to_string().into_response();
        }
        match state {
            "Enabled" => {}
            "Disabled" => return refused(StatusCode::BAD_REQUEST, "DisabledException"),
            _ => return refused(StatusCode::BAD_REQUEST, "KMSInvalidStateException"),
        }
        let context = ask["EncryptionContext"].clone();
        self.contexts.push(context.clone());
        match action.as_str() {
            "Encrypt" => {
                let blob = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
                let plain = ask["Plaintext"].as_str().unwrap().to_owned();
                let answer = json!({"CiphertextBlob": STANDARD.encode(&blob), "KeyId": key});
                self.wrapped.insert(blob, (key, context, plain));
                answer.to_string().into_response()
            }
            "Decrypt" => {
                let blob = STANDARD
                    .decode(ask["CiphertextBlob"].as_str().unwrap())
                    .unwrap();
                match self.wrapped.get(&blob) {
                    Some((owner, _, _)) if *owner != key => {
                        refused(StatusCode::BAD_REQUEST, "IncorrectKeyException")
                    }
                    Some((_, bound, plain)) if *bound == context => {
                        json!({"Plaintext": plain, "KeyId": key})
                            .to_string()
                            .into_response()
                    }
                    _ => refused(StatusCode::BAD_REQUEST, "InvalidCiphertextException"),
                }
            }
            _ => refused(StatusCode::BAD_REQUEST, "UnknownOperationException"),
        }
    }
}
