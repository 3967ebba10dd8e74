# voicectl completion for bash. Load it: source <(voicectl completion bash)

# REPLY: a word of the line without its quotes, nothing in it expanded.
_voicectl_plain() {
  case $1 in
    \'*) REPLY=${1#\'}; REPLY=${REPLY%\'} ;;
    \"*) REPLY=${1#\"}; REPLY=${REPLY%\"} ;;
    *) IFS= read -d '' REPLY < <(printf '%s\0' "$1") ;;
  esac
}

_voicectl() {
  local i n=-1 piece last= rest=${COMP_LINE:0:COMP_POINT} head= current plain cut line word REPLY
  local -a words=()
  # bash cuts words at = : and @ too; what stands together is one of ours.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    piece=${COMP_WORDS[i]}
    word=
    if ((n >= 0)) && [[ $rest != [[:blank:]]* && ($piece == [=:@]* || $last == *[=:@]) ]]; then word=${words[n]}; else n=$((n + 1)); fi
    rest=${rest#"${rest%%[![:blank:]]*}"}
    if ((i == COMP_CWORD)) && [[ -n $COMP_LINE ]]; then piece=$rest; fi
    rest=${rest#"$piece"}
    words[n]=$word$piece
    head=$word
    if [[ -n $piece && $piece != *[!=:@]* ]]; then head=${words[n]}; fi
    last=$piece
  done
  current=${words[n]}
  # What bash puts in place of the last of them; an @ it keeps with what follows.
  _voicectl_plain "${head%@}"; cut=${#REPLY}
  for ((i = 1; i <= n; i++)); do _voicectl_plain "${words[i]}"; words[i]=$REPLY; done
  plain=${words[n]}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files | :folders)
        compopt -o filenames 2>/dev/null
        while IFS= read -r word; do COMPREPLY+=("$word"); done < <(
          if [[ $line == :files ]]; then compgen -f -- "${plain:cut}"; else compgen -d -- "${plain:cut}"; fi)
        ;;
      *)
        word=${line%%$'\t'*}; word=${word:cut}
        case $current in
          [\'\"]*) if [[ $word == *[!A-Za-z0-9_./:=,@%+\ -]* ]]; then continue; fi ;;
          *) if [[ -n $word ]]; then printf -v word %q "$word"; fi ;;
        esac
        COMPREPLY+=("$word")
        ;;
    esac
  done < <("${COMP_WORDS[0]}" __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _voicectl voicectl
