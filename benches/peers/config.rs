//! The configuration files of the peers: each set up as its own documentation advises for streamed answers.

use std::{net::SocketAddr, path::Path};

/// How many are let through, and how many may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub slots: usize,
    pub queue: usize,
}

/// nginx: no line of its own; whoever is beyond slots and queue together is refused.
pub fn nginx(
    folder: &Path,
    port: u16,
    upstream: SocketAddr,
    bounds: Bounds,
    files: &Path,
) -> String {
    let Bounds { slots, queue } = bounds;
    let (folder, files, most) = (folder.display(), files.display(), slots + queue);
    format!(
        "# Of the starting user's rights if that is root, as its files lie where only root may read; else this is ignored.
user root;
worker_processes auto;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    limit_conn_zone $server_name zone=all:1m;
    limit_conn_status 429;
    keepalive_requests 1000000;
    upstream ollama {{
        server {upstream};
        keepalive 64;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        server_name bench;
        root {files};
        location /api/ {{
            limit_conn all {most};
            proxy_pass http://ollama;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_buffering off;
            proxy_read_timeout 600s;
        }}
    }}
}}
"
    )
}

/// HAProxy: `maxconn` and its queue, and the usual rule that refuses whoever finds that full.
pub fn haproxy(port: u16, upstream: SocketAddr, bounds: Bounds) -> String {
    let Bounds { slots, queue } = bounds;
    format!(
        "global
    maxconn 8192
defaults
    mode http
    timeout connect 5s
    timeout client 600s
    timeout server 600s
    timeout queue 600s
    timeout http-keep-alive 60s
    option http-no-delay
    http-reuse always
frontend door
    bind 127.0.0.1:{port} backlog 4096
    http-request return status 429 content-type text/plain string full if {{ queue(ollama) ge {queue} }}
    default_backend ollama
backend ollama
    server one {upstream} maxconn {slots}
"
    )
}

/// LiteLLM: one model at one upstream, nothing that would reach for the network, and its own bound on parallel requests.
pub fn litellm(upstream: SocketAddr, bounds: Bounds) -> String {
    let slots = bounds.slots;
    format!(
        "model_list:
  - model_name: {MODEL}
    litellm_params:
      model: ollama_chat/{MODEL}
      api_base: http://{upstream}
      max_parallel_requests: {slots}
litellm_settings:
  telemetry: false
  request_timeout: 600
general_settings:
  disable_spend_logs: true
"
    )
}

/// What Sluice's hosts are told: as shipped, but for more connections to the upstream than the most streams measured.
pub fn runtime() -> String {
    "[outbound_http]\nconnection_pooling = true\nmax_connections = 256\n".to_owned()
}

/// The model that is asked for: the simulator has it.
pub const MODEL: &str = "qwen3:1.7b";
