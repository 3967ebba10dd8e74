#include "text_rules_data.h"

namespace voicectl::agent {
namespace {

LanguageRules english() {
    return {
        .name = "en",
        .never_last = {"and", "or", "but", "because", "if", "than", "while", "until", "unless", "although", "whether", "as",
                       "a", "an", "the", "my", "your", "our", "their", "its", "his", "very", "quite", "mister", "mrs",
                       "doctor",
                       "i", "i'm", "i'd", "i'll", "i've", "we're", "we'd", "we'll", "we've", "you're", "they're", "he's",
                       "she's", "let's",
                       "i am", "i was", "i have", "i want", "i need", "i think", "i would", "i would like", "i'd like",
                       "we would like",
                       "we'd like", "name is", "number is", "address is", "code is", "date is", "this is", "that is",
                       "let me",
                       "can you", "can i", "could you", "could i", "would you", "may i", "do you", "do you have",
                       "is there", "are there",
                       "can you please", "could you please", "how about", "what about", "point", "dot", "dash", "double",
                       "triple",
                       "plus", "minus"},
        .never_last_in_plain = {"to", "of", "for", "with", "from", "at", "by", "into", "about", "between", "without",
                                "under", "near"},
        .particles = {"on", "in"},
        .particle_of = {"hold", "come", "go", "log", "check", "sign", "carry", "move", "later", "it", "them", "that", "me",
                        "him", "her"},
        .fillers = {"um", "uh", "uhm", "er", "erm", "hmm", "hm", "well", "so", "you know", "i mean", "let me see",
                    "let me think",
                    "let me check", "let me look", "wait", "hold on", "one moment", "just a moment", "a moment",
                    "one second",
                    "just a second", "a second"},
        .whole = {"yes", "yeah", "yep", "yup", "no", "nope", "sure", "okay", "ok", "right", "correct", "exactly",
                  "absolutely",
                  "of course", "mhm", "yes please", "no thanks", "no thank you", "that's all", "that is all", "that's it",
                  "that was all",
                  "nothing else", "not really", "never mind", "i don't know", "stop", "yes it is", "yes i am",
                  "yes that is", "that's right"},
        .closing = {"thank you", "thank you very much", "thanks", "thanks a lot", "goodbye", "bye", "bye bye", "please"},
        .question_words = {"what", "what's", "when", "where", "where's", "who", "who's", "why", "how", "which"},
        .question_followers = {"is", "are", "was", "were", "do", "does", "did", "can", "could", "will", "would", "should",
                               "have", "has",
                               "time", "kind", "about", "much", "many", "long", "far", "old", "often", "late", "early",
                               "soon", "your",
                               "the", "one"},
        .statement_followers = {},
        .question_verbs = {"can", "could", "would", "will", "may", "do", "does", "did", "is", "are", "was", "were", "have",
                           "has", "should"},
        .question_subjects = {"you", "i", "we", "it", "they", "he", "she", "there", "this", "that", "the", "your", "my",
                              "anybody", "anyone"},
        .digits = {"zero", "oh", "o", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"},
    };
}

LanguageRules german() {
    return {
        .name = "de",
        .never_last = {"und", "oder", "aber", "weil", "dass", "ob", "wenn", "als", "während", "bevor", "nachdem", "damit",
                       "obwohl", "sondern",
                       "der", "die", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer", "eines", "mein",
                       "meine", "meinen",
                       "meinem", "meiner", "unser", "unsere", "unseren", "kein", "keine", "keinen", "ich", "wir", "sehr",
                       "ganz", "herr",
                       "frau", "doktor", "für", "bei", "ohne", "gegen", "zwischen", "wegen", "zum", "zur", "im", "am",
                       "vom", "beim", "ins",
                       "bis", "seit", "ich bin", "ich heiße", "ich möchte", "ich wollte", "ich will", "ich brauche",
                       "ich habe", "ich hätte",
                       "ich hätte gern", "ich hätte gerne", "ich würde", "ich würde gern", "ich würde gerne",
                       "wir möchten", "name ist",
                       "nummer ist", "adresse ist", "das ist", "können sie", "könnten sie", "kann ich", "könnte ich",
                       "haben sie", "gibt es",
                       "können sie bitte", "könnten sie bitte", "wie wäre es mit", "komma", "punkt", "bindestrich", "plus",
                       "minus"},
        .never_last_in_plain = {"mit", "von", "in", "nach", "über", "unter", "durch"},
        .particles = {},
        .particle_of = {},
        .fillers = {"äh", "ähm", "ehm", "öh", "öhm", "hm", "hmm", "also", "tja", "naja", "ja also", "moment",
                    "einen moment", "moment mal",
                    "sekunde", "warten sie", "mal sehen", "mal schauen", "lassen sie mich überlegen", "wie soll ich sagen",
                    "sozusagen"},
        .whole = {"ja", "nein", "jawohl", "doch", "genau", "richtig", "stimmt", "klar", "okay", "ok", "gern", "gerne",
                  "natürlich", "mhm",
                  "ja bitte", "ja gern", "ja gerne", "nein danke", "das war's", "das wars", "das ist alles",
                  "das war alles",
                  "nichts weiter", "auf keinen fall", "ich weiß nicht", "weiß ich nicht", "stopp", "ja genau",
                  "das ist richtig"},
        .closing = {"danke", "danke schön", "dankeschön", "vielen dank", "besten dank", "bitte", "tschüss", "tschüs",
                    "auf wiederhören",
                    "auf wiedersehen"},
        .question_words = {"was", "wann", "wo", "wer", "wen", "wem", "wie", "warum", "wieso", "welche", "welcher",
                           "welches", "wohin",
                           "woher", "wieviel", "wofür", "womit"},
        .question_followers = {},
        .statement_followers = {"ich", "wir", "du", "er", "sie", "es", "man", "gesagt", "auch", "immer"},
        .question_verbs = {"kann", "können", "könnte", "könnten", "darf", "dürfte", "haben", "hat", "hätten", "gibt",
                           "ist", "sind", "war",
                           "waren", "wird", "werden", "würden", "wissen", "machen", "muss", "müssen", "soll", "sollte"},
        .question_subjects = {"ich", "wir", "du", "er", "sie", "es", "ihr", "man", "das", "der", "die", "mein", "meine",
                              "ihre", "noch"},
        .digits = {"null", "eins", "zwei", "zwo", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"},
    };
}

}  // namespace

const std::vector<LanguageRules>& language_rules() {
    static const std::vector<LanguageRules> all{english(), german()};
    return all;
}

}  // namespace voicectl::agent
