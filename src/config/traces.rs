//! The settings of traces: Quire's own, and the variables that OpenTelemetry has for every program.

use clap::Args;
use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};

use crate::error::{Error, Kind, Result};

/// Of so many requests and transactions one is traced, when nothing else is said: 1 of 100.
const SHARE: f64 = 0.01;
/// Where a collector takes traces (OTLP over HTTP).
const PATH: &str = "/v1/traces";

/// Where traces go.
#[derive(Args, Debug, Clone)]
pub struct Traces {
    /// Send traces to this OpenTelemetry collector, by OTLP over HTTP (protobuf): http://collector:4318, or
    /// https:// with a path if it wants one. Default: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or
    /// OTEL_EXPORTER_OTLP_ENDPOINT; when none is set, nothing is traced.
    #[arg(
        id = "traces_to",
        long = "traces-to",
        env = "QUIRE_TRACES_TO",
        value_name = "URL"
    )]
    pub to: Option<String>,

    /// The share of requests and transactions that are traced, from 0 to 1. Give all servers the same: of a
    /// transaction all of them then trace their part, or none. Default: OTEL_TRACES_SAMPLER and _ARG, else
    /// 0.01.
    #[arg(id = "traces_share", long = "traces-share", env = "QUIRE_TRACES_SHARE", value_parser = share, value_name = "SHARE")]
    pub share: Option<f64>,
}

/// A collector, and what it is sent.
#[derive(Debug, Clone)]
pub struct Collector {
    /// The whole address.
    pub url: Uri,
    /// What each request carries besides; may be secret.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub share: f64,
    /// Whether a caller that says whether its request is traced is followed in that.
    pub follows_callers: bool,
    /// What is said of this program: `service.name` and others.
    pub resource: Vec<(String, String)>,
}

impl Traces {
    /// What is set, by these and by OpenTelemetry's own variables, looked up by name; none: nothing is traced.
    /// Errors: [`Kind::Setting`], naming the setting.
    pub fn collector(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Collector>> {
        // An empty one counts as not set (OpenTelemetry, environment variables).
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let Some((url, setting)) = self.address(&variable) else {
            return Ok(None);
        };
        if variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let url = url
            .parse()
            .ok()
            .filter(|url: &Uri| matches!(url.scheme_str(), Some("http" | "https")))
            .ok_or_else(|| wrong(setting, "give an address such as http://collector:4318"))?;
        let either = |of: &str| {
            let [traces, all] = ["OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"];
            variable(&format!("{traces}{of}")).or_else(|| variable(&format!("{all}{of}")))
        };
        if either("PROTOCOL").is_some_and(|protocol| protocol != "http/protobuf") {
            let says = "Quire speaks http/protobuf, at port 4318 of most collectors";
            return Err(wrong("OTEL_EXPORTER_OTLP_PROTOCOL", says));
        }
        let (share, follows_callers) = self.sampler(&variable)?;
        Ok(Some(Collector {
            url,
            headers: headers(&either("HEADERS").unwrap_or_default())?,
            share,
            follows_callers,
            resource: resource(&variable)?,
        }))
    }

    fn address(
        &self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Option<(String, &'static str)> {
        let below = |base: &str| format!("{}{PATH}", base.trim_end_matches('/'));
        if let Some(to) = &self.to {
            let has_path = to.parse().is_ok_and(|uri: Uri| uri.path() != "/");
            let to = if has_path { to.clone() } else { below(to) };
            return Some((to, "--traces-to (QUIRE_TRACES_TO)"));
        }
        let own = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        if let Some(address) = variable(own) {
            return Some((address, own));
        }
        let all = "OTEL_EXPORTER_OTLP_ENDPOINT";
        variable(all).map(|base| (below(&base), all))
    }

    fn sampler(&self, variable: &impl Fn(&str) -> Option<String>) -> Result<(f64, bool)> {
        let (sampler, argument) = ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG");
        let named = variable(sampler).unwrap_or_else(|| "parentbased_traceidratio".to_owned());
        let (follows_callers, kind) = match named.strip_prefix("parentbased_") {
            Some(kind) => (true, kind),
            None => (false, &*named),
        };
        let of_kind = match kind {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => match variable(argument) {
                Some(text) => share(&text).map_err(|says| wrong(argument, &says))?,
                None => SHARE,
            },
            _ => {
                let says = "Quire knows always_on, always_off and traceidratio, each also with parentbased_ before it";
                return Err(wrong(sampler, says));
            }
        };
        Ok((self.share.unwrap_or(of_kind), follows_callers))
    }
}

fn wrong(setting: &str, says: &str) -> Error {
    Error::new(Kind::Setting, format!("{setting}: {says}"))
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.trim().parse().ok();
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "give a number from 0 to 1, such as 0.01".to_owned())
}

fn headers(list: &str) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let setting = "OTEL_EXPORTER_OTLP_HEADERS";
    // It may hold a secret, so it is not repeated.
    let unreadable = || wrong(setting, "give it as name=value,name=value");
    let pairs = pairs(list).ok_or_else(unreadable)?;
    let header = |(name, value): (String, String)| {
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name).ok()?, value))
    };
    let headers = pairs.into_iter().map(header).collect::<Option<_>>();
    headers.ok_or_else(unreadable)
}

fn resource(variable: &impl Fn(&str) -> Option<String>) -> Result<Vec<(String, String)>> {
    let setting = "OTEL_RESOURCE_ATTRIBUTES";
    let mut resource = pairs(&variable(setting).unwrap_or_default())
        .ok_or_else(|| wrong(setting, "give it as name=value,name=value"))?;
    let is_named = resource.iter().any(|(name, _)| name == "service.name");
    let name = variable("OTEL_SERVICE_NAME").or((!is_named).then(|| "quire".to_owned()));
    if let Some(name) = name {
        resource.retain(|(of, _)| of != "service.name");
        resource.push(("service.name".to_owned(), name));
    }
    Ok(resource)
}

/// `name=value,name=value`, values percent-encoded, as in W3C Baggage.
fn pairs(list: &str) -> Option<Vec<(String, String)>> {
    let entries = list.split(',').filter(|entry| !entry.trim().is_empty());
    let pair = |entry: &str| {
        let (name, value) = entry.split_once('=')?;
        let name = name.trim();
        (!name.is_empty()).then_some((name.to_owned(), decoded(value.trim())?))
    };
    entries.map(pair).collect()
}

fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, others @ ..] = rest {
        let digits = others.first_chunk::<2>().filter(|_| *first == b'%');
        let byte = digits.and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 16).ok()
        });
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &others[2..] } else { others };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(
        to: Option<&str>,
        share: Option<f64>,
        variables: &[(&str, &str)],
    ) -> Result<Option<Collector>> {
        let to = to.map(str::to_owned);
        Traces { to, share }.collector(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn on(to: Option<&str>, variables: &[(&str, &str)]) -> Collector {
        set(to, None, variables).expect("good").expect("set")
    }

    #[test]
    fn without_an_address_nothing_is_traced() {
        assert!(set(None, Some(1.0), &[]).expect("good").is_none());
        let empty = [("OTEL_EXPORTER_OTLP_ENDPOINT", "")];
        assert!(set(None, None, &empty).expect("good").is_none());
        let off = [("OTEL_SDK_DISABLED", "true")];
        assert!(
            set(Some("http://a:4318"), None, &off)
                .expect("good")
                .is_none()
        );
    }

    #[test]
    fn the_address_is_quires_own_or_opentelemetrys() {
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/");
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces/x");
        assert_eq!(on(None, &[all]).url, "http://all:4318/v1/traces");
        assert_eq!(on(None, &[all, traces]).url, "https://traces/x");
        let own = "http://own:4318";
        assert_eq!(on(Some(own), &[traces]).url, "http://own:4318/v1/traces");
        assert_eq!(on(Some("https://own/y"), &[]).url, "https://own/y");
        assert!(set(Some("own:4318"), None, &[]).is_err());
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        assert!(set(Some(own), None, &[grpc]).is_err());
    }

    #[test]
    fn the_share_is_one_of_a_hundred_unless_it_is_said() {
        let to = Some("http://a:4318");
        let sampled = |variables: &[_]| {
            let collector = on(to, variables);
            (collector.share, collector.follows_callers)
        };
        let sampler = |name| ("OTEL_TRACES_SAMPLER", name);
        assert_eq!(sampled(&[]), (0.01, true));
        assert_eq!(sampled(&[sampler("always_on")]), (1.0, false));
        assert_eq!(sampled(&[sampler("parentbased_always_off")]), (0.0, true));
        let half = ("OTEL_TRACES_SAMPLER_ARG", "0.5");
        assert_eq!(sampled(&[sampler("traceidratio"), half]), (0.5, false));
        let own = set(to, Some(0.25), &[sampler("always_on")]);
        assert_eq!(own.expect("good").expect("set").share, 0.25);
        assert!(set(to, None, &[sampler("jaeger_remote")]).is_err());
        let two = ("OTEL_TRACES_SAMPLER_ARG", "2");
        assert!(set(to, None, &[two]).is_err());
    }

    #[test]
    fn headers_and_the_resource_are_lists_of_pairs() {
        let collector = on(
            Some("http://a:4318"),
            &[
                (
                    "OTEL_EXPORTER_OTLP_HEADERS",
                    "authorization=Bearer%20x, b=%zz",
                ),
                (
                    "OTEL_RESOURCE_ATTRIBUTES",
                    "service.name=a,deployment.environment=test",
                ),
                ("OTEL_SERVICE_NAME", "b"),
            ],
        );
        let headers = collector.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
            .collect();
        assert_eq!(headers, [("authorization", "Bearer x"), ("b", "%zz")]);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let resource = [
            pair("deployment.environment", "test"),
            pair("service.name", "b"),
        ];
        assert_eq!(collector.resource, resource);
        let secret = [("OTEL_EXPORTER_OTLP_HEADERS", "se cret")];
        let error = set(Some("http://a"), None, &secret).expect_err("no pair");
        assert!(!error.to_string().contains("se cret"), "{error}");
    }
}
