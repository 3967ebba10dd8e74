// Does the way lead to a LiveKit server: name, TCP, TLS, HTTP, clock.
#include "commands/doctor/patient.h"
#include "voicectl/base/text.h"
#include "voicectl/net/probe.h"

namespace voicectl::commands {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr std::chrono::days kSoon{14};
constexpr milliseconds kBlur{1500};  // the header that tells the time has whole seconds
constexpr std::chrono::seconds kNotable{5};
// Servers forgive 60 s: from there on every token of ours is refused.
constexpr std::chrono::seconds kDeadly{60};

Finding look_up(Patient& patient) {
    const auto url = patient.url();
    if (!url) return Finding::failed(url.error());
    auto found = net::resolve(url->host, patient.limit());
    if (!found) return Finding::failed(found.error(), "check the name in the URL and the DNS of this machine");
    patient.addresses = std::move(*found);
    return Finding::ok(fmt::format("{} is {}", terminal_safe(url->host), fmt::join(patient.addresses, ", ")), {{"addresses", patient.addresses}});
}

Finding connect(Patient& patient) {
    const auto url = patient.url();
    if (!url) return Finding::failed(url.error());
    if (patient.addresses.empty()) (void)look_up(patient);  // not selected
    std::string first;
    for (const auto& address : patient.addresses) {
        const auto took = net::try_connect(address, url->port, patient.limit());
        if (took) return Finding::ok(fmt::format("port {} of {} answers{}", url->port, address, first.empty() ? "" : "; " + first));
        if (first.empty()) first = fmt::format("{}: {}", address, took.error().message);
    }
    return Finding::failed(fmt::format("no connection to port {}: {}", url->port, first.empty() ? "no address" : first),
                           "is the server running, is the port right, and does a firewall let it through?");
}

Finding look_at_certificate(Patient& patient) {
    const auto url = patient.url();
    if (!url) return Finding::failed(url.error());
    if (!url->secure()) return Finding::skipped("the URL is without TLS");
    const auto facts = net::inspect_tls(url->host, url->port, patient.limit());
    if (!facts) return Finding::failed(facts.error(), "does the server speak TLS on this port?");
    const auto left = std::chrono::floor<std::chrono::days>(facts->not_after - system_clock::now());
    const auto until = format_time(facts->not_after).substr(0, 10);
    if (left.count() < 0) return Finding::failed(fmt::format("the certificate expired on {}", until), "renew it, and reload whatever ends TLS");
    if (facts->not_before > system_clock::now()) return Finding::failed(fmt::format("the certificate is not valid before {}", format_time(facts->not_before)), "is the clock of this machine right?");
    if (!facts->host_matches)
        return Finding::failed(fmt::format("the certificate is for another host than {} ({})", terminal_safe(url->host), terminal_safe(facts->subject)), "use the name that the certificate is for, or get one for this name");
    if (!facts->chain_fault.empty())
        return Finding::failed(fmt::format("the certificate is not trusted: {} (issued by {})", facts->chain_fault, terminal_safe(facts->issuer)),
                               "install its authority on this machine or name it in SSL_CERT_FILE; a public server must send its intermediate certificates");
    if (left < kSoon) return Finding::warning(fmt::format("the certificate expires in {} days, on {}", left.count(), until), "renew it");
    return Finding::ok(fmt::format("{}, certificate good until {} ({} days)", facts->protocol, until, left.count()),
                       {{"protocol", facts->protocol}, {"notAfter", format_time(facts->not_after)}, {"daysLeft", left.count()}, {"subject", facts->subject}, {"issuer", facts->issuer}});
}

Finding look_at_server(Patient& patient) {
    const auto sign = livekit::probe_server(patient.env.http(), patient.given_url().second, patient.limit());
    if (!sign) return Finding::failed(sign.error(), sign.error().code == Errc::Timeout ? "something listens there, but does not speak HTTP: is it the right port, and is the server alive?" : "");
    patient.sign = *sign;
    if (sign->ready) return Finding::ok(fmt::format("LiveKit answers in {}", format_duration(sign->elapsed)));
    if (sign->livekit) return Finding::failed("LiveKit answers that it is not ready (status 406)", "its node statistics are stale: the machine is overloaded, or Redis is gone; look at its log");
    if (!sign->redirect.empty()) return Finding::failed(fmt::format("redirected to {}", terminal_safe(sign->redirect)), "use that address as the server URL");
    const auto by = sign->server.empty() ? std::string() : fmt::format(" by {}", terminal_safe(sign->server));
    return Finding::failed(fmt::format("status {}{}, which is not how LiveKit answers", sign->status, by), "check host, port and path of the URL; does the proxy pass everything on to LiveKit?");
}

Finding compare_clocks(Patient& patient) {
    if (!patient.sign) (void)look_at_server(patient);  // not selected
    if (!patient.sign || !patient.sign->clock_skew) return Finding::skipped("the server does not tell its time");
    const auto skew = *patient.sign->clock_skew;
    const auto apart = std::chrono::abs(skew);
    const auto words = fmt::format("the server's clock is {} {} ours", format_duration(apart), skew.count() > 0 ? "ahead of" : "behind");
    if (apart >= kDeadly) return Finding::failed(words + "; from 60 s on tokens are refused, or end early", "set both clocks by NTP");
    if (apart > kNotable) return Finding::warning(words, "set both clocks by NTP; from 60 s on tokens are refused, or end early");
    return Finding::ok(apart < kBlur ? "agrees with ours, to the second that HTTP tells" : words, {{"skewMs", skew.count()}});
}

}  // namespace

void plan_way(Checkup& checkup, Patient& patient) {
    checkup.plan("dns", "name lookup", {"url"}, [&] { return look_up(patient); });
    checkup.plan("tcp", "TCP connection", {"url", "dns"}, [&] { return connect(patient); });
    checkup.plan("tls", "TLS certificate", {"tcp"}, [&] { return look_at_certificate(patient); });
    checkup.plan("server", "LiveKit server", {"tcp", "tls"}, [&] { return look_at_server(patient); });
    checkup.plan("clock", "clock", {"server"}, [&] { return compare_clocks(patient); });
}

}  // namespace voicectl::commands
