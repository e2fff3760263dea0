//! JSON bodies of our own routes.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use protocol::fault::Code;
use serde::de::DeserializeOwned;

use crate::http::problem::Refusal;

/// A body read as JSON. What it holds is never repeated in a refusal: only where it breaks.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = match Bytes::from_request(request, state).await {
            Ok(bytes) => bytes,
            Err(BytesRejection::FailedToBufferBody(error))
                if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE =>
            {
                return Err(Refusal::new(Code::TooLarge));
            }
            Err(_) => return Err(Refusal::new(Code::Malformed).detail("the body broke off")),
        };
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let detail = format!(
                "the body breaks at line {}, column {}",
                error.line(),
                error.column()
            );
            Refusal::new(Code::Malformed).detail(detail)
        })
    }
}
