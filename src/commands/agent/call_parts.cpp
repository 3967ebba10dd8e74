#include "commands/agent/call_parts.h"

#include "commands/agent/loading.h"
#include "voicectl/agent/rescue.h"
#include "voicectl/store/spool.h"

namespace voicectl::commands {

Result<std::unique_ptr<CallParts>> CallParts::build(agent::LoadedConfig loaded, Loop& loop, Env& env, const std::string& supervisor) {
    auto self = std::unique_ptr<CallParts>(new CallParts(loaded.config));
    VC_TRY_ASSIGN(self->stages_, build_agent_stages(loaded, self->workers_, env));
    VC_TRY_ASSIGN(self->core_, rtc::Core::load());
    // A process that takes a dead one's place does so without its database, too; who starts an agent by hand is told.
    const auto path = store_path(self->config_, env);
    VC_TRY_ASSIGN(auto opened, store::open_spooled([path] { return store::Store::open(path); },
                                                   {.folder = store::spool_folder(path), .must_answer = supervisor.empty()}));
    self->store_ = std::make_unique<store::AsyncStore>(std::move(opened), loop);
    self->host_ = agent::make_call_host({loop, self->config_, self->stages_, *self->core_, *self->store_, {}, agent::carrier_of(supervisor)});
    return self;
}

CallParts::~CallParts() {
    host_.reset();
    store_.reset();  // what is queued gets written
}

}  // namespace voicectl::commands
