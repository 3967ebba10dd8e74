# voicectl completion for fish. Load it: voicectl completion fish | source
function __voicectl_complete
    set -l words (commandline -opc)
    # Its quotes taken away; fish quotes what it inserts.
    set -l current (commandline -ct | string unescape)
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':folders'
                __fish_complete_directories (commandline -ct)
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c voicectl -f -a '(__voicectl_complete)'
