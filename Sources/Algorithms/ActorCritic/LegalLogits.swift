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
        legal.penalties(at: observations, row, -1e9, into: penalties.baseAddress! + row * logits.columns)
      }
    }
    return add(logits, penalties)
  }
}
