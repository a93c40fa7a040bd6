//! What a connection test found (service.md 4.2).

/// The outcome of a connection test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionReport {
    pub ok: bool,
    pub checks: Vec<ConnectionCheck>,
}

/// One request of the test and what its answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionCheck {
    pub name: String,
    pub ok: bool,
    pub code: Option<String>,
    pub message: String,
    pub help: Option<String>,
    /// Method and address, without secrets.
    pub request: Option<String>,
    pub warnings: Vec<String>,
    pub hints: Vec<String>,
}
