#include "voicectl/serve/backend.h"

#include <algorithm>

#include "core/serve/cors.h"
#include "core/serve/handlers.h"
#include "core/serve/traffic.h"
#include "core/serve/wishes.h"
#include "voicectl/base/json.h"
#include "voicectl/base/json_schema.h"
#include "voicectl/base/log.h"
#include "voicectl/base/text.h"

namespace voicectl::serve {
namespace {

constexpr std::size_t kMostAsked = 256;  // questions that the store or a worker has not answered yet
constexpr std::size_t kMostAssessments = 16, kMostStarts = 64;
constexpr int kDeepestBody = 32;
constexpr std::chrono::seconds kDatabaseLimit{2};
constexpr std::chrono::seconds kBusyRetry{2};

bool good_request_id(std::string_view id) {
    return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](unsigned char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
    });
}

bool reads_only(const std::string& method) { return method == "GET" || method == "HEAD"; }

using Schemas = std::map<std::string, std::unique_ptr<JsonSchema>, std::less<>>;

Schemas compile_schemas() {
    Schemas out;
    for (const auto& route : routes())
        if (*route.request != '\0' && !out.contains(route.request))
            if (auto made = JsonSchema::create(schema(route.request))) out[route.request] = std::move(*made);
    return out;
}

class LiveBackend final : public Backend {
 public:
    LiveBackend(BackendParts parts, BackendOptions options, Cors cors) : parts_(std::move(parts)), options_(std::move(options)), cors_(std::move(cors)), traffic_(parts_.loop) {}

    void handle(const net::ServedRequest& given, net::HttpServer::Respond respond) override {
        auto exchange = std::make_shared<Exchange>();
        exchange->request = given;
        exchange->respond = std::move(respond);
        exchange->began = parts_.loop.now();
        exchange->client = client_of(given, options_.trust_proxy);
        const auto id = given.header("x-request-id");
        exchange->id = good_request_id(id) ? std::string(id) : random_id(16);
        traffic_.begin();
        if (!draining_) ++begun_;
        exchange->awaited = !draining_;
        take(exchange);
    }

    std::size_t body_limit(const net::ServedRequest& head) const override {
        const auto found = match(head.method, head.path);
        constexpr std::size_t kOther = 64 * 1024;  // the page's forms
        return found.route != nullptr ? found.route->most : kOther;
    }

    void drain(std::function<void()> done) override {
        draining_ = true;
        drained_ = std::move(done);
        if (begun_ == 0) std::exchange(drained_, nullptr)();
    }

    net::ServedResponse refuse_unread(int status, std::string_view why) override {
        const auto id = random_id(16);
        traffic_.refused("unread");
        log::info("http", "refused unread", {{"request", id}, {"status", status}, {"why", why}});
        net::ServedResponse out{status, json_text(fault_json({status, Error{Errc::Usage, std::string(why), ""}}, id)) + "\n", "application/json"};
        dress(out, id);
        return out;
    }

 private:
    void take(const ExchangePtr& x) {
        const auto& request = x->request;
        if (Cors::is_preflight(request)) return finish(x, cors_.preflight(request));
        if (parts_.page && parts_.page(request, lifeline_.guard([this, x](net::ServedResponse response) { finish(x, std::move(response)); }))) {
            x->name = "page";
            return;
        }
        auto found = match(request.method, request.path);
        if (found.route == nullptr) return no_route(x, found.methods);
        x->route = found.route;
        x->name = found.route->id;
        x->question = std::make_shared<Question>();
        x->question->path = std::move(found.path);
        x->question->range = std::string(request.header("range"));
        if (!reads_only(request.method) && draining_) return refuse(x, {503, Error{Errc::Unreachable, "shutting down", ""}}, kBusyRetry);
        const bool open = x->route->who.empty() || (x->name == "metrics" && options_.open_metrics);
        if (open) return ask(x);
        identify(x);
    }

    void identify(const ExchangePtr& x) {
        parts_.gate.identify(x->request, lifeline_.guard([this, x](Result<Caller> caller) {
            if (!caller) return refuse_caller(x, std::move(caller).error());
            if (caller->who == Who::Nobody && parts_.signed_in && reads_only(x->request.method))
                if (auto operator_ = parts_.signed_in(x->request)) caller = *operator_;
            x->question->caller = *caller;
            admit(x);
        }));
    }

    void refuse_caller(const ExchangePtr& x, Error error) {
        if (error.code != Errc::Auth) return refuse(x, std::move(error), kBusyRetry);
        const auto wait = error.wait;
        traffic_.refused(wait ? "too many failures" : "wrong key or token");
        if (wait) return refuse(x, {429, std::move(error)}, *wait);
        refuse(x, {401, std::move(error)});
    }

    void admit(const ExchangePtr& x) {
        const auto& caller = x->question->caller;
        const auto& who = x->route->who;
        if (caller.who == Who::Nobody || caller.who == Who::User) {
            const auto key = caller.who == Who::User ? "user " + caller.user_id : "peer " + peer_network(x->client);
            if (const auto wait = parts_.limiter.take(key, parts_.loop.now()); wait.count() > 0) {
                traffic_.refused("rate");
                return refuse(x, {429, Error{Errc::Unreachable, "too many requests", fmt::format("again in {}", format_duration(wait))}}, wait);
            }
        }
        if (caller.who == Who::Nobody) {
            traffic_.refused("nobody");
            return refuse(x, {401, Error{Errc::Auth, "nobody is signed in", "send Authorization: Bearer TOKEN, or X-Internal-Service-Key"}});
        }
        if (std::find(who.begin(), who.end(), caller.who) == who.end()) {
            traffic_.refused("not allowed");
            return refuse(x, {403, Error{Errc::Auth, fmt::format("this is not for a {}", to_string(caller.who)), ""}});
        }
        ask(x);
    }

    void ask(const ExchangePtr& x) {
        if (x->name == "takeWebhook") return take_webhook(x);
        auto query = read_query(*x->route, x->request.query);
        if (!query) return refuse(x, std::move(query).error());
        x->question->query = std::move(*query);
        if (auto fault = read_body(x)) return refuse(x, std::move(*fault));
        answer(x);
    }

    std::optional<Fault> read_body(const ExchangePtr& x) {
        const auto& body = x->request.body;
        const auto& route = *x->route;
        if (*route.request == '\0') return body.empty() ? std::nullopt : std::optional(Fault(400, Error{Errc::Usage, "there is nothing to say here", "leave the body out"}));
        const auto rule = schemas_.find(route.request);
        if (!body.empty()) {
            const auto type = to_lower_ascii(trim(x->request.header("content-type").substr(0, x->request.header("content-type").find(';'))));
            if (type != "application/json") return Fault(415, Error{Errc::Usage, "the body is no JSON by its Content-Type", "Content-Type: application/json"});
            auto parsed = parse_unambiguous_object(body, kDeepestBody);
            if (!parsed) return Fault(400, Error{Errc::Usage, "the body " + parsed.error(), ""});
            x->question->body = std::move(*parsed);
        }
        if (auto fault = rule->second->fault_in(x->question->body); !fault.empty()) return Fault(400, Error{Errc::Usage, std::move(fault), "GET /openapi.json has what goes in"});
        return {};
    }

    void answer(const ExchangePtr& x) {
        using Work = Outcome (*)(store::Store&, const Question&);
        static const std::map<std::string_view, Work> kWork{
            {"listCalls", list_calls}, {"showCall", show_call}, {"showTranscript", show_transcript}, {"createSession", create_session}, {"listSessions", list_sessions},
            {"showSession", show_session}, {"finalizeSession", finalize_session}, {"saveTranscript", save_transcript}, {"showSessionTranscript", show_session_transcript}, {"assign", assign}};
        if (const auto work = kWork.find(x->name); work != kWork.end()) return on_store<Answer>(x, work->second, [this, x](Answer made) { done(x, std::move(made)); });
        if (x->name == "health") return health(x);
        if (x->name == "voice") return no_voice(x);
        if (x->name == "databaseHealth") return database_health(x);
        if (x->name == "metrics") return metrics(x);
        if (x->name == "openapi") return finish(x, {200, document_, "application/json"});
        if (x->name == "startCall") return start_call(x);
        if (x->name == "playRecording")
            return on_store<Answer>(x, [folder = options_.recordings](store::Store& store, const Question& question) { return play_recording(store, question, folder); }, [this, x](Answer made) { done(x, std::move(made)); });
        if (x->name == "summarizeCall" || x->name == "summarizeSession") return assess_call(x, "summary");
        if (x->name == "evaluateCall" || x->name == "evaluateSession") return assess_call(x, "evaluation");
        if (x->name == "showScenario" || x->name == "showScenarioOld")
            return on_worker<Answer>(x, starts_, kMostStarts, [folder = options_.scenarios, question = x->question] { return show_scenario(folder, *question); }, [this, x](Answer made) { done(x, std::move(made)); });
        refuse(x, {500, Error{Errc::Other, fmt::format("the route {} has no handler", x->name), ""}});
    }

    /// `work` on the store's thread, `then` with what it made on the loop; a fault is answered here.
    template<class T>
    void on_store(const ExchangePtr& x, std::function<std::expected<T, Fault>(store::Store&, const Question&)> work, std::function<void(T)> then) {
        if (asked_store_ >= kMostAsked) return refuse(x, {503, Error{Errc::Unreachable, "the store is too far behind", ""}}, kBusyRetry);
        ++asked_store_;
        parts_.store.run<std::shared_ptr<std::expected<T, Fault>>>(
            [work = std::move(work), question = x->question](store::Store& store) { return std::make_shared<std::expected<T, Fault>>(work(store, *question)); },
            lifeline_.guard([this, x, then = std::move(then)](Result<std::shared_ptr<std::expected<T, Fault>>> made) {
                --asked_store_;
                if (!**made) return refuse(x, std::move((**made).error()));
                then(std::move(***made));
            }));
    }

    /// The same on a worker, of which `running` go on at most `most` at once.
    template<class T>
    void on_worker(const ExchangePtr& x, std::shared_ptr<std::size_t> running, std::size_t most, std::function<std::expected<T, Fault>()> work, std::function<void(T)> then) {
        if (*running >= most) return refuse(x, {503, Error{Errc::Unreachable, "too many of these are going on", ""}}, kBusyRetry);
        ++*running;
        auto back = lifeline_.guard([this, x, running, then = std::move(then)](std::shared_ptr<std::expected<T, Fault>> made) {
            --*running;
            if (!*made) return refuse(x, std::move(made->error()));
            then(std::move(**made));
        });
        parts_.workers.post([&loop = parts_.loop, work = std::move(work), back]() mutable {
            auto made = std::make_shared<std::expected<T, Fault>>(work());
            loop.post([back, made]() mutable { back(made); });
        });
    }

    void start_call(const ExchangePtr& x) {
        if (!parts_.start_call) return refuse(x, {501, Error{Errc::Config, "this server starts no calls", "it needs LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET"}});
        const auto& body = x->question->body;
        const auto& caller = x->question->caller;
        CallWish wish;
        wish.user_id = text_at(body, "userId");
        if (caller.who == Who::User) {
            if (!wish.user_id.empty() && wish.user_id != caller.user_id) return refuse(x, {403, Error{Errc::Auth, "userId is somebody else's", "leave it out: a call of yours is yours"}});
            wish.user_id = caller.user_id;
        }
        if (wish.user_id.empty()) return refuse(x, {400, Error{Errc::Usage, "userId: missing", "a service says whose call it is"}});
        wish.agent = text_at(body, "agentName");
        if (wish.agent.empty() && !options_.agents.empty()) wish.agent = options_.agents.front();
        const bool offered = std::find(options_.agents.begin(), options_.agents.end(), wish.agent) != options_.agents.end();
        if (caller.who == Who::User && !offered) return refuse(x, {403, Error{Errc::Auth, "that agent cannot be called here", "--call-agent names those that can"}});
        wish.identity = text_at(body, "identity");
        if (caller.who == Who::User && !wish.identity.empty() && wish.identity != caller.user_id)  // who is in a room under whose name is not a user's to choose
            return refuse(x, {403, Error{Errc::Auth, "identity is not a user's to choose", "leave it out"}});
        wish.assignment_id = text_at(body, "assignmentId");
        wish.scenario_id = text_at(body, "scenarioId");
        wish.metadata = body.value("metadata", nlohmann::json::object());
        for (const char* key : {"userId", "assignmentId", "scenarioId"})
            if (wish.metadata.contains(key)) return refuse(x, {400, Error{Errc::Usage, fmt::format("metadata.{}: has a field of its own", key), fmt::format("\"{}\" beside metadata", key)}});
        if (caller.who == Who::User)
            if (const auto name = not_a_users(wish.metadata))
                return refuse(x, {403, Error{Errc::Auth, fmt::format("metadata.{}: is not a user's to choose", plain_text(*name, 40)), "a user may give \"variables\" and \"language\""}});
        wish.record = options_.record || (caller.who == Who::Service && body.value("record", false));
        if (wish.assignment_id.empty()) return make_call(x, wish);
        on_store<store::Assignment>(x, [claimed = store::Assignment{wish.assignment_id, wish.user_id}](store::Store& store, const Question&) -> std::expected<store::Assignment, Fault> {
            VC_TRY(store.check_assignment(claimed));
            return claimed;
        }, [this, x, wish](const store::Assignment&) { make_call(x, wish); });
    }

    void make_call(const ExchangePtr& x, const CallWish& wish) {
        on_worker<Answer>(x, starts_, kMostStarts, [start = parts_.start_call, wish] () -> Outcome {
            auto made = start(wish);
            if (!made) return std::unexpected(Fault(std::move(made).error()));
            return Answer{.status = 201, .data = std::move(*made)};
        }, [this, x](Answer made) {
            traffic_.call_started();
            done(x, std::move(made));
        });
    }

    void assess_call(const ExchangePtr& x, const std::string& kind) {
        const bool of_session = x->name.ends_with("Session");
        on_store<Assessing>(x, [kind, of_session](store::Store& store, const Question& question) { return begin_assessment(store, question, kind, of_session); }, [this, x](Assessing what) {
            if (what.known) return done(x, std::move(*what.known));
            if (!parts_.ask_model) return refuse(x, {501, Error{Errc::Config, "this server has no model to ask", "--agent FILE: its llm is asked"}});
            on_worker<store::Assessment>(x, assessments_, kMostAssessments, [what, ask_model = parts_.ask_model] { return assess(what, ask_model); }, [this, x, what](store::Assessment made) {
                on_store<Answer>(x, [what, made](store::Store& store, const Question&) { return save_assessment(store, what, made); }, [this, x](Answer saved) { done(x, std::move(saved)); });
            });
        });
    }

    void take_webhook(const ExchangePtr& x) {
        if (!parts_.webhooks) return refuse(x, {501, Error{Errc::Config, "this server takes no webhooks", "it needs LIVEKIT_API_KEY and LIVEKIT_API_SECRET"}});
        parts_.webhooks(x->request, lifeline_.guard([this, x](net::ServedResponse response) { finish(x, std::move(response)); }));
    }

    /// Whoever comes as a WebSocket is taken before us.
    void no_voice(const ExchangePtr& x) {
        if (!options_.voice) return refuse(x, {501, Error{Errc::Config, "this server holds no voice calls", "--agent FILE: its agent talks"}});
        const Fault fault(426, Error{Errc::Usage, "voice needs a WebSocket", "voicectl voice connect, or docs/voice.md"});
        finish(x, {426, json_text(fault_json(fault, x->id)) + "\n", "application/json", {{"Upgrade", "websocket"}}});
    }

    void health(const ExchangePtr& x) {
        const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(parts_.loop.now() - traffic_.since()).count();
        const nlohmann::ordered_json body{{"status", draining_ ? "draining" : "ok"}, {"version", options_.version}, {"uptimeSeconds", uptime}};
        finish(x, {draining_ ? 503 : 200, json_text(body) + "\n", "application/json"});
    }

    /// A store that is slow is as bad as one that is gone: whoever asks is not kept waiting. Anybody may ask, so one look at the
    /// store at a time serves all.
    void database_health(const ExchangePtr& x) {
        auto asking = std::make_shared<Asking>(parts_.loop);
        asking->exchange = x;
        asking->limit.after(kDatabaseLimit, lifeline_.guard([this, asking] { tell_health(*asking, "the store does not answer"); }));
        asking_.push_back(std::move(asking));
        if (!std::exchange(looking_, true)) look_at_store();
    }

    void look_at_store() {
        parts_.store.run<int>([](store::Store& store) -> Result<int> {
            store::CallFilter one;
            one.limit = 1;
            VC_TRY(store.list(one));
            return 0;
        }, lifeline_.guard([this](const Result<int>& there) {
            looking_ = false;
            if (!there) log::warn("http", "the store does not answer", {{"error", there.error().message}});
            for (const auto& asking : std::exchange(asking_, {})) tell_health(*asking, there ? "" : there.error().code == Errc::Unreachable ? "the store is not reachable" : "the store has failed");
        }));
    }

    struct Asking {
        explicit Asking(Loop& loop) : limit(loop) {}
        ExchangePtr exchange;  // empty once answered
        Timer limit;
    };

    void tell_health(Asking& asking, const std::string& why) {
        const auto x = std::exchange(asking.exchange, nullptr);
        if (!x) return;
        asking.limit.cancel();
        std::erase_if(asking_, [&](const auto& one) { return one.get() == &asking; });
        nlohmann::ordered_json body{{"status", why.empty() ? "ok" : "failed"}};
        if (!why.empty()) body["reason"] = why;
        finish(x, {why.empty() ? 200 : 503, json_text(body) + "\n", "application/json"});
    }

    void metrics(const ExchangePtr& x) {
        on_store<StoreNumbers>(x, [ended = ended_](store::Store& store, const Question&) -> std::expected<StoreNumbers, Fault> {
            VC_TRY_ASSIGN(auto numbers, ended->read(store));
            return numbers;
        }, [this, x](StoreNumbers numbers) {
            finish(x, {200, traffic_.text(numbers) + (parts_.more_metrics ? parts_.more_metrics() : ""), "text/plain; version=0.0.4; charset=utf-8"});
        });
    }

    void no_route(const ExchangePtr& x, const std::vector<std::string>& methods) {
        if (methods.empty()) return refuse(x, {404, Error{Errc::NotFound, "there is no such path", "GET /openapi.json lists them"}});
        auto allow = fmt::format("{}", fmt::join(methods, ", "));
        Fault fault(405, Error{Errc::Usage, "this path has other methods", allow});
        finish(x, {405, json_text(fault_json(fault, x->id)) + "\n", "application/json", {{"Allow", std::move(allow)}}});
    }

    void done(const ExchangePtr& x, Answer answer) {
        net::ServedResponse out;
        out.status = answer.status;
        out.headers = std::move(answer.headers);
        if (!answer.type.empty()) {
            out.type = std::move(answer.type);
            out.body = std::move(answer.text);
        } else {
            out.type = "application/json";
            out.body = json_text(nlohmann::ordered_json{{"ok", true}, {"data", std::move(answer.data)}}) + "\n";
        }
        finish(x, std::move(out));
    }

    void refuse(const ExchangePtr& x, Fault fault, std::optional<std::chrono::milliseconds> again = {}) {
        if (fault.status >= 500) log::warn("http", "refused", {{"request", x->id}, {"route", x->name}, {"status", fault.status}, {"error", fault.error.message}});
        net::ServedResponse out{fault.status, json_text(fault_json(fault, x->id)) + "\n", "application/json"};
        if (fault.status == 401) out.headers.emplace_back("WWW-Authenticate", "Bearer");
        if (!again && fault.status == 425) again = kBusyRetry;
        if (again) out.headers.emplace_back("Retry-After", std::to_string(std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(*again).count())));
        finish(x, std::move(out));
    }

    void finish(const ExchangePtr& x, net::ServedResponse response) {
        if (!x->respond) return;
        dress(response, x->id);
        for (auto& header : cors_.headers_for(std::string(x->request.header("origin")))) response.headers.push_back(std::move(header));
        traffic_.end(*x, response);
        std::exchange(x->respond, nullptr)(std::move(response));
        if (x->awaited && --begun_ == 0 && drained_) parts_.loop.post(std::exchange(drained_, nullptr));
    }

    static void dress(net::ServedResponse& response, const std::string& id) {
        auto& headers = response.headers;
        const auto own = [&](const char* name, std::string value) {
            if (std::none_of(headers.begin(), headers.end(), [&](const auto& one) { return to_lower_ascii(one.first) == to_lower_ascii(name); })) headers.emplace_back(name, std::move(value));
        };
        own("X-Request-Id", id);
        own("X-Content-Type-Options", "nosniff");
        own("Referrer-Policy", "no-referrer");
        own("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
        own("Vary", "Origin");
    }

    BackendParts parts_;
    BackendOptions options_;
    Cors cors_;
    Schemas schemas_ = compile_schemas();
    const std::string document_ = json_text(openapi_document(options_.version)) + "\n";
    Traffic traffic_;
    std::shared_ptr<EndedCalls> ended_ = std::make_shared<EndedCalls>(std::chrono::system_clock::now());
    std::size_t asked_store_ = 0;
    std::vector<std::shared_ptr<Asking>> asking_;  // how the store is
    bool looking_ = false;
    std::shared_ptr<std::size_t> starts_ = std::make_shared<std::size_t>(0), assessments_ = std::make_shared<std::size_t>(0);
    bool draining_ = false;
    std::size_t begun_ = 0;  // before draining, and not answered
    std::function<void()> drained_;
    Lifeline lifeline_;
};

}  // namespace

Result<std::unique_ptr<Backend>> Backend::create(BackendParts parts, BackendOptions options) {
    VC_TRY_ASSIGN(auto cors, Cors::create(options.origins, options.development));
    return std::make_unique<LiveBackend>(std::move(parts), std::move(options), std::move(cors));
}

}  // namespace voicectl::serve
