//! One POST by reqwest or by ureq, told as one line of JSON.
use std::error::Error;
use std::time::Duration;

use serde_json::{json, Value};

const PAYLOAD: &str = r#"{"model":"gpt-5-mini","messages":[{"role":"user","content":"Weather?"}]}"#;

fn seconds(knobs: &Value, name: &str) -> Duration {
    Duration::from_millis((knobs[name].as_f64().unwrap_or(15.0) * 1000.0) as u64)
}

/// An error and its causes, as `anyhow` prints them.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut inner = error.source();
    if inner.is_some() {
        text.push_str("\n\nCaused by:");
    }
    while let Some(cause) = inner {
        text.push_str(&format!("\n    {cause}"));
        inner = cause.source();
    }
    text
}

fn by_reqwest(url: &str, knobs: &Value) -> Result<(), Box<dyn Error>> {
    let mut builder = reqwest::blocking::Client::builder()
        .timeout(seconds(knobs, "read_timeout_s"))
        .connect_timeout(seconds(knobs, "connect_timeout_s"));
    let mut target = url;
    if knobs["proxy"].as_bool() == Some(true) {
        builder = builder.proxy(reqwest::Proxy::all(url)?);
        target = "http://api.example.com/v1/chat/completions";
    }
    if knobs["http2"].as_bool() == Some(true) {
        builder = builder.danger_accept_invalid_certs(true);
        if url.starts_with("http://") {
            builder = builder.http2_prior_knowledge();
        }
    }
    let response = builder.build()?.post(target).body(PAYLOAD).send()?.error_for_status()?;
    serde_json::from_slice::<Value>(&response.bytes()?)?;
    Ok(())
}

fn by_ureq(url: &str, knobs: &Value) -> Result<(), Box<dyn Error>> {
    let agent = ureq::AgentBuilder::new()
        .timeout_connect(seconds(knobs, "connect_timeout_s"))
        .timeout_read(seconds(knobs, "read_timeout_s"))
        .build();
    let text = agent.post(url).send_string(PAYLOAD)?.into_string()?;
    serde_json::from_str::<Value>(&text)?;
    Ok(())
}

fn main() {
    let given: Vec<String> = std::env::args().collect();
    let knobs: Value = serde_json::from_str(&given[3]).expect("knobs are JSON");
    let outcome = match given[1].as_str() {
        "rust-ureq" => by_ureq(&given[2], &knobs),
        _ => by_reqwest(&given[2], &knobs),
    };
    let told = match outcome {
        Ok(()) => json!({"passed": true}),
        Err(error) => json!({"text": chain(error.as_ref())}),
    };
    println!("{told}");
}
