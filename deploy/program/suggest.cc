#include "deploy/program/suggest.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace carillon::program {

// Damerau–Levenshtein distance, optimal string alignment.
int EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<std::vector<int>> cost(a.size() + 1, std::vector<int>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) cost[i][0] = static_cast<int>(i);
  for (size_t j = 0; j <= b.size(); ++j) cost[0][j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const int replace = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

std::string ClosestWord(absl::string_view word, const std::vector<std::string>& candidates) {
  constexpr size_t kWordMax = 64;  // The distance takes time and memory by the product of lengths.
  if (word.empty() || word.size() > kWordMax) return "";
  std::string best;
  int best_distance = 1 + static_cast<int>(std::max<size_t>(1, word.size() / 3));
  for (const std::string& candidate : candidates) {
    const int distance = EditDistance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  if (!best.empty() || word.size() < 3) return best;
  for (const std::string& candidate : candidates) {
    if (absl::StartsWith(candidate, word) || absl::EndsWith(candidate, word)) return candidate;
  }
  return "";
}

}  // namespace carillon::program
