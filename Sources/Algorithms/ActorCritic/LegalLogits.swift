import Environments
import Neural
import Support

extension Tape {
  /// Logits [1, rows, actions], those of actions that are not legal at `observations` [rows, ·] so far below the others
  /// that a softmax gives them nothing and no gradient comes back from them; nil: as they are.
  package func logits(_ logits: Tensor, _ legal: LegalActions?, at observations: Rows) -> Tensor {
    guard let legal else { return logits }
    let penalties = constant(rows: logits.rows, columns: logits.columns) { penalties in
      for row in 0..<logits.rows {
        for action in 0..<logits.columns {
          penalties[row * logits.columns + action] = legal.allows(action, at: observations, row) ? 0 : -1e9
        }
      }
    }
    return add(logits, penalties)
  }
}
