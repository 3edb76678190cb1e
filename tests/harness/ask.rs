//! One request by sipp and the answer it must have: a scenario too small for a file of its own.

use std::fs;
use std::net::SocketAddr;

use tempfile::TempDir;

use crate::sipp::sipp;
use crate::trouble::Trouble;

/// A request. Anything in it may be one of sipp's keywords, `[remote_ip]`.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// `INVITE`, or what nobody knows.
    pub method: &'a str,
    /// The request URI, or all of the request line that comes after the method.
    pub uri: &'a str,
    /// Headers on top of those every request has. `Max-Forwards` and `Content-Length` replace the usual.
    pub headers: &'a [&'a str],
    /// What follows the headers.
    pub body: &'a str,
}

impl Default for Ask<'_> {
    fn default() -> Self {
        Self { method: "OPTIONS", uri: "sip:[remote_ip]:[remote_port]", headers: &[], body: "" }
    }
}

impl Ask<'_> {
    /// Asks, and wants this status and a header that fits this expression, both as sipp reads them.
    pub async fn wants(
        &self,
        server: SocketAddr,
        transport: &str,
        status: u16,
        header: Option<(&str, &str)>,
    ) -> Result<(), Trouble> {
        let folder = TempDir::new().map_err(Trouble::new)?;
        let file = folder.path().join("ask.xml");
        fs::write(&file, self.scenario(status, header)).map_err(Trouble::new)?;
        let keys: &[(&str, &str)] = if transport == "udp" { &[] } else { &[("transport", "t1")] };
        let asked = sipp(&file.to_string_lossy(), server, keys).await;
        let Self { method, uri, headers, .. } = self;
        asked.map_err(|e| Trouble::new(format!("{method} {uri:.60} {headers:?} wants {status}: {e:?}")))
    }

    fn scenario(&self, status: u16, header: Option<(&str, &str)>) -> String {
        let has = |name: &str| self.headers.iter().any(|header| header.starts_with(name));
        let mut headers = self.headers.to_vec();
        if !has("To:") {
            headers.push("To: <sip:8001@[remote_ip]:[remote_port]>");
        }
        if !has("Max-Forwards") {
            headers.push("Max-Forwards: 70");
        }
        if !has("Content-Length") {
            headers.push("Content-Length: [len]");
        }
        let version = if self.uri.contains(" SIP/") { "" } else { " SIP/2.0" };
        let request = format!("{} {}{version}", self.method, self.uri);
        let check = header.map_or(String::new(), |(name, expression)| {
            format!(
                "<action><ereg regexp=\"{expression}\" search_in=\"hdr\" header=\"{name}:\" check_it=\"true\" \
                 assign_to=\"found\"/></action>"
            )
        });
        let reference = if header.is_some() { "<Reference variables=\"found\"/>" } else { "" };
        let ack = if self.method == "INVITE" && status >= 300 { ACK } else { "" };
        format!(
            "<?xml version=\"1.0\" encoding=\"us-ascii\"?>\n<scenario name=\"ask\">\n<send retrans=\"500\">\n\
             <![CDATA[\n\n{request}\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
             From: <sip:15550100@[local_ip]:[local_port]>;tag=[pid]-[call_number]\nCall-ID: [call_id]\n\
             CSeq: 1 {method}\nContact: <sip:15550100@[local_ip]:[local_port]>\n{headers}\n\n{body}\n]]>\n</send>\n\
             <recv response=\"100\" optional=\"true\"/>\n<recv response=\"{status}\">{check}</recv>\n{ack}{reference}\n\
             </scenario>\n",
            method = self.method,
            headers = headers.join("\n"),
            body = self.body,
        )
    }
}

const ACK: &str = "<send><![CDATA[\n\n\
    ACK sip:8001@[remote_ip]:[remote_port] SIP/2.0\n\
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-3]\n\
    From: <sip:15550100@[local_ip]:[local_port]>;tag=[pid]-[call_number]\n\
    To: <sip:8001@[remote_ip]:[remote_port]>[peer_tag_param]\n\
    Call-ID: [call_id]\nCSeq: 1 ACK\nMax-Forwards: 70\nContent-Length: 0\n\n]]></send>\n";
