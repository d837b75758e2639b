//! The sample model as a program, for manual use, bench and the demo.

use std::io::{self, Write};
use std::net::IpAddr;

use clap::Parser;
use sample_model::SampleModel;

/// Serve a fake of OpenAI's Responses API, scripted by the prompt
#[derive(Debug, Parser)]
struct Options {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let options = Options::parse();
    let listener = tokio::net::TcpListener::bind((options.host, options.port)).await?;
    let model = SampleModel::start(listener);
    writeln!(io::stdout(), "listening on http://{}", model.address())?;
    stop_signal().await
}

#[cfg(unix)]
async fn stop_signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn stop_signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
