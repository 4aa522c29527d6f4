//! The API by this program's own client: what knows the crate `kube`, with `stack.rs` below it.
//!
//! The client is asynchronous and the rest of the program is not. It lives on a runtime of two
//! threads that belongs to it; requests wait for their answers, streams are pumped there
//! (`pump.rs`).

use std::sync::Arc;
use std::time::Duration;

use futures_util::AsyncReadExt;
use kube::client::{AuthError, UpgradeConnectionError};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::core::Request;
use kube::{Client, Config};
use rsync_core::words;
use tokio::runtime::{Builder, Runtime};

use super::api::{Api, MAX_ANSWER, Method, problem_of};
use super::problem::Problem;
use super::pump::{self, Ends};
use super::resolve::Chosen;
use super::stack;
use crate::target::Kubectl;

const JSON: &str = "application/json";
const MERGE: &str = "application/strategic-merge-patch+json";

/// How long a connection to the server may take.
const CONNECT: Duration = Duration::from_secs(15);

/// A cluster, and who the user is there.
pub(crate) struct Cluster {
    // Dropped before the runtime.
    client: Client,
    namespace: String,
    /// How long an answer may take.
    patience: Duration,
    runtime: Arc<Background>,
}

impl Cluster {
    /// Reads the configuration as kubectl would. Nothing is sent.
    pub(crate) fn open(options: &Kubectl, patience: Duration) -> Result<Self, Problem> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("kubernetes")
            .enable_all()
            .build()
            .map_err(configuration)?;
        let runtime = Arc::new(Background::new(runtime));
        let config = runtime.block_on(configure(options))?;
        let namespace = config.default_namespace.clone();
        let client = {
            let _context = runtime.enter();
            stack::client(config).map_err(problem)?
        };
        Ok(Self {
            client,
            namespace,
            patience,
            runtime,
        })
    }

    /// Executes `command` in a container, with its standard streams as a pair of ends.
    ///
    /// # Errors
    /// [`Problem::Refused`] if this way does not work here and another one may.
    pub(crate) fn exec(&self, chosen: &Chosen, command: &[String]) -> Result<Ends, Problem> {
        let params = kube::api::AttachParams::default()
            .container(&chosen.container)
            .stdin(true)
            .stdout(true)
            .stderr(true);
        let pods = format!("/api/v1/namespaces/{}/pods", chosen.namespace);
        let request = Request::new(pods)
            .exec(&chosen.identity.pod, command, &params)
            .map_err(|error| Problem::Answer {
                message: error.to_string(),
            })?;
        let connected = self.wait(async {
            let connected = self.client.connect(request).await;
            connected.map_err(|error| match error {
                kube::Error::UpgradeConnection(error) => refused(&error),
                // Not every user may open a WebSocket, which is a GET while SPDY is a POST, and
                // not everything between here and the server lets one through.
                kube::Error::Api(status) if !matches!(status.code, 401 | 404 | 500) => {
                    Problem::Refused {
                        message: status.message.clone(),
                    }
                }
                error => problem(error),
            })
        })?;
        if !connected.supports_stream_close() {
            return Err(Problem::Refused {
                message: "it speaks version 4 of the channel protocol, and 5 is needed".into(),
            });
        }
        Ok(pump::start(connected.into_stream(), &self.runtime))
    }

    /// The answer, unless it takes too long.
    fn wait<T>(&self, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
        self.runtime.block_on(async {
            match tokio::time::timeout(self.patience, work).await {
                Ok(done) => done,
                Err(_) => Err(Problem::Unreachable {
                    message: format!("no answer for {} seconds", self.patience.as_secs()),
                }),
            }
        })
    }

    fn request(&self, request: http::request::Builder, body: &[u8]) -> Result<Vec<u8>, Problem> {
        let request = request
            .header("Accept", JSON)
            .body(body.to_vec())
            .map_err(|error| Problem::Answer {
                message: error.to_string(),
            })?;
        self.wait(async {
            let answer = self.client.request_stream(request).await.map_err(problem)?;
            let mut bytes = Vec::new();
            // One more, to tell a long answer from one that just fits.
            let mut answer = Box::pin(answer).take(MAX_ANSWER as u64 + 1);
            answer
                .read_to_end(&mut bytes)
                .await
                .map_err(|error| Problem::Unreachable {
                    message: error.to_string(),
                })?;
            if bytes.len() > MAX_ANSWER {
                let message = format!("it has more than {MAX_ANSWER} bytes");
                return Err(Problem::Answer { message });
            }
            Ok(bytes)
        })
    }
}

impl Api for Cluster {
    fn namespace(&self) -> Result<String, Problem> {
        if crate::name::is_dns_label(&self.namespace) {
            Ok(self.namespace.clone())
        } else {
            Err(Problem::Configuration {
                message: format!("`{}` is not the name of a namespace", self.namespace),
            })
        }
    }

    fn get(&self, path: &str) -> Result<Vec<u8>, Problem> {
        self.request(http::Request::get(path), b"")
    }

    fn send(&self, method: Method, path: &str, object: &[u8]) -> Result<Vec<u8>, Problem> {
        let request = match method {
            Method::Create => http::Request::post(path).header("Content-Type", JSON),
            Method::Patch => http::Request::patch(path).header("Content-Type", MERGE),
        };
        self.request(request, object)
    }
}

/// A runtime that can be dropped anywhere: it does not wait for what still goes on.
pub(crate) struct Background(Option<Runtime>);

impl Background {
    pub(crate) fn new(runtime: Runtime) -> Self {
        Self(Some(runtime))
    }
}

impl std::ops::Deref for Background {
    type Target = Runtime;

    #[expect(clippy::expect_used, reason = "it is there until it is dropped")]
    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("a runtime until it is dropped")
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The namespace that the configuration says, read as kubectl would read it. `None` if it can not be
/// read, or says nothing.
pub(super) fn configured_namespace(options: &Kubectl) -> Option<String> {
    let file = match &options.kubeconfig {
        Some(file) => Kubeconfig::read_from(file),
        None => Kubeconfig::read(),
    };
    let file = file.ok()?;
    let current = match &options.context {
        Some(name) => name.to_str()?.to_owned(),
        None => file.current_context?,
    };
    let mut contexts = file.contexts.into_iter();
    let context = contexts.find(|context| context.name == current)?;
    context.context?.namespace
}

async fn configure(options: &Kubectl) -> Result<Config, Problem> {
    let context = match &options.context {
        Some(name) => Some(name.clone().into_string().map_err(|name| {
            let message = format!("no context is called {}", name.to_string_lossy());
            Problem::Configuration { message }
        })?),
        None => None,
    };
    let chosen = KubeConfigOptions {
        context,
        ..KubeConfigOptions::default()
    };
    let mut config = match &options.kubeconfig {
        Some(file) => {
            let file = Kubeconfig::read_from(file).map_err(unreadable)?;
            Config::from_custom_kubeconfig(file, &chosen).await
        }
        None => Config::from_kubeconfig(&chosen).await,
    };
    if config.is_err() && options.kubeconfig.is_none() && options.context.is_none() {
        // In a pod there may be no file, but a service account.
        if let Ok(own) = Config::incluster() {
            config = Ok(own);
        }
    }
    let mut config = config.map_err(unreadable)?;
    if config.auth_info.auth_provider.is_some() {
        // kubectl has plugins for some of them.
        let message = "its credentials come from an auth-provider".to_owned();
        return Err(Problem::Configuration { message });
    }
    if let Some(user) = &options.user {
        config.auth_info.impersonate = Some(user.clone());
    }
    config.connect_timeout = Some(CONNECT);
    Ok(config)
}

fn configuration(error: impl std::error::Error) -> Problem {
    Problem::Configuration {
        message: in_full(&error),
    }
}

fn unreadable(error: KubeconfigError) -> Problem {
    match error {
        KubeconfigError::ReadConfig(error, path) => Problem::Configuration {
            message: format!("{} can not be read: {}", path.display(), words::of(&error)),
        },
        error => configuration(error),
    }
}

fn refused(error: &UpgradeConnectionError) -> Problem {
    Problem::Refused {
        message: error.to_string(),
    }
}

fn problem(error: kube::Error) -> Problem {
    match error {
        kube::Error::Api(status) => {
            let message = match status.message.as_str() {
                "" => &status.reason,
                message => message,
            };
            problem_of(status.code, message)
        }
        kube::Error::Auth(error) => no_credentials(&error),
        // On the way to the system's words there are only the names of layers.
        error @ (kube::Error::HyperError(_) | kube::Error::Service(_)) => Problem::Unreachable {
            message: without_numbers(&innermost(&error).to_string()),
        },
        error => Problem::Configuration {
            message: in_full(&error),
        },
    }
}

fn no_credentials(error: &AuthError) -> Problem {
    let message = match error {
        // What the program says is meant for its user.
        AuthError::AuthExecRun { out, .. } if !out.stderr.trim_ascii().is_empty() => {
            let said = String::from_utf8_lossy(out.stderr.trim_ascii());
            format!("the program that brings them said: {said}")
        }
        AuthError::AuthExecRun { out, .. } => {
            format!("the program that brings them failed ({})", out.status)
        }
        error => in_full(error),
    };
    Problem::Credentials { message }
}

/// An error with its causes, each of which says only its own part.
fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    without_numbers(&text)
}

fn innermost<'a>(mut error: &'a (dyn std::error::Error + 'static)) -> &'a dyn std::error::Error {
    while let Some(cause) = error.source() {
        error = cause;
    }
    error
}

/// Without the numbers that the standard library adds to the system's words.
fn without_numbers(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once(')').map_or(part, |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::without_numbers;

    #[test]
    fn the_systems_words_come_without_numbers() {
        assert_eq!(
            without_numbers("x: refused (os error 111): y (os error 2)"),
            "x: refused: y"
        );
        assert_eq!(without_numbers("plain"), "plain");
    }
}
